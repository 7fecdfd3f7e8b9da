#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the Debian packages from a copy of the tree, so that neither it nor the folder above it fills up, and asks
# lintian about them: what it says is a failure.
#
#   scripts/deb.sh FOLDER [JOBS]     the packages are in FOLDER afterwards
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
jobs=${2:-$(nproc)}

rm -rf "$out/quire" "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo
mkdir "$out/quire"
cd "$root"
if [ -e .git ]; then
	git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$out/quire"
else
	tar -c --exclude='./build*' . | tar -x -C "$out/quire"
fi
cd "$out/quire"
if ! DEB_BUILD_OPTIONS="parallel=$jobs" dpkg-buildpackage -b -us -uc >"$out/build.log" 2>&1; then
	tail -40 "$out/build.log" >&2
	echo "quire: the whole of it is in $out/build.log" >&2
	exit 1
fi
rm -rf "$out/quire"
cd "$out"
# As root, lintian says so; it is told to. The dbgsym package is debhelper's.
said=$(lintian --allow-root --fail-on none quire_*.deb libquire-dev_*.deb *.changes 2>&1) || true
if [ -n "$said" ]; then
	echo "$said" >&2
	exit 1
fi
ls -- *.deb
