#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the static conformance program for this machine and runs it. usage: static.sh SOURCE BUILD
set -e
[ "$(uname -m)" = x86_64 ] || exit 77
out="$2/conform-static"
make -s -C "$1/conform-static" OUT="$out" x86_64 >&2 || exit 1
exec "$out/quire-conform-static-x86_64" --programs 1000
