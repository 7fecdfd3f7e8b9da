#!/bin/sh
# SPDX-License-Identifier: MIT
# The static conformance program in the reference kernel: its verdict, as TAP.
#
# usage: conform.sh QUIRE SOURCE BUILD CPUS [ARCH [PROGRAMS]]
quire=$1
arch=${5:-x86_64}
out="$3/conform-static"
make -s -C "$2/tools/conform-static" OUT="$out" "$arch" >&2 || exit 1
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
status=0
"$quire" run --mem 128M --cpus "$4" --timeout 1200 --quiet -- \
	"$out/quire-conform-static-$arch" ${6:+--programs "$6"} >"$tap" || status=$?
cat "$tap"
# Programs here map from the top. A harness that finds otherwise leaves out a third of the scenarios.
if grep -q 'this kernel has mmap from the bottom' "$tap"; then
	echo "conform.sh: the program takes this kernel for one that maps from the bottom" >&2
	exit 1
fi
exit $status
