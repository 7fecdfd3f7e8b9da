#!/bin/sh
# SPDX-License-Identifier: MIT
# `make run`: runs one script on this Linux and on the reference kernel, and compares the output.
#
# MEM and SWAP in the environment: the memory of the guest, and a disk to swap to.
#
#   scripts/day.sh [BUILD-DIRECTORY [ARCH]]     exit status 77: cannot fetch programs of that architecture
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-build}
arch=${2:-x86_64}
mem=${MEM:-256M}
day=$top/tests/kernel/day.sh
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT INT TERM

echo "== on this Linux: /bin/busybox sh day.sh"
start=$(date +%s)
/bin/busybox sh "$day" >"$here/linux" 2>"$here/linux.err" || { cat "$here/linux.err" >&2; exit 1; }
echo "   $(wc -l <"$here/linux") lines in $(($(date +%s) - start)) s"

root=
whose="the same"
if [ "$arch" != x86_64 ]; then
	root=$build/foreign-$arch
	case $arch in
	arm) debian=armhf ;;
	*) debian=$arch ;;
	esac
	"$top/scripts/foreign.sh" "$debian" "$root" busybox-static
	whose="Debian's"
fi
echo "== on the reference kernel: $arch, 2 CPUs, $mem, ${SWAP:+$SWAP to swap to, }$whose /bin/busybox"
start=$(date +%s)
status=0
{ "$build/quire" run --mem "$mem" ${SWAP:+--swap "$SWAP"} --cpus 2 --timeout 600 ${root:+--root "$root"} --file "$day:/day.sh" -- /bin/busybox sh /day.sh ||
	echo $? >"$here/status"; } | tee "$here/quire"
[ ! -s "$here/status" ] || status=$(cat "$here/status")
echo "   in $(($(date +%s) - start)) s with booting"
if [ "$status" != 0 ]; then
	echo "quire: the script ended with status $status under the reference kernel" >&2
	exit 1
fi
if ! diff -u "$here/linux" "$here/quire"; then
	echo "quire: the two differ" >&2
	exit 1
fi
echo "== every line is the same on both"
