#!/bin/sh
# SPDX-License-Identifier: MIT
# The static conformance program in the reference kernel: its verdict, as TAP.
#
# usage: conform.sh QUIRE SOURCE BUILD CPUS [ARCH [PROGRAMS]]
quire=$1
arch=${5:-x86_64}
out="$3/conform-static"
make -s -C "$2/tools/conform-static" OUT="$out" "$arch" >&2 || exit 1
exec "$quire" run --mem 128M --cpus "$4" --timeout 1200 --quiet -- "$out/quire-conform-static-$arch" ${6:+--programs "$6"}
