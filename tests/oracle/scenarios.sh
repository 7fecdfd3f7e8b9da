#!/bin/sh
# SPDX-License-Identifier: MIT
# The static conformance program on Debian's own kernel: every scenario, and random programs, as TAP.
#
# usage: scenarios.sh ARCH SOURCE BUILD
set -eu
out=$3/conform-static
make -s -C "$2/tools/conform-static" OUT="$out" "$1" >&2 || exit 1
# The scenarios speak of an ARM64 whose kernel marks pages young and dirty, as ours has.
cpu=
[ "$1" != arm64 ] || cpu='--cpu cortex-a53'
exec "$2/tests/oracle/run.sh" $cpu "$1" -- "$out/quire-conform-static-$1" --programs 300
