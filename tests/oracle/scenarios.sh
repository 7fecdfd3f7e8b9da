#!/bin/sh
# SPDX-License-Identifier: MIT
# The static conformance program on Debian's own kernel: every scenario, and random programs, as TAP.
#
# usage: scenarios.sh ARCH SOURCE BUILD
set -eu
out=$3/conform-static
make -s -C "$2/tools/conform-static" OUT="$out" "$1" >&2 || exit 1
# The CPUs that the reference kernel has: that of ARM64 leaves it to the kernel to mark pages young and dirty.
case $1 in
arm) cpu='--cpu cortex-a15' ;;
arm64) cpu='--cpu cortex-a53' ;;
*) cpu= ;;
esac
exec "$2/tests/oracle/run.sh" $cpu "$1" -- "$out/quire-conform-static-$1" --programs 300
