#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the static conformance program for this machine and runs it. usage: static.sh SOURCE BUILD KIND
#
# KIND: default, as its Makefile builds it; glibc, with this machine's own C library; i386, where the kernel
# and a compiler for it are there.
set -e

skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "this machine is no x86-64"
out="$2/conform-static"
target=x86_64
programs=1000
case $3 in
glibc)
	set -- "$1" "$2" CC_x86_64=gcc
	out=$out-glibc
	programs=300
	;;
i386)
	set -- "$1" "$2"
	out=$out-i386
	target=i386
	programs=300
	;;
*)
	set -- "$1" "$2"
	;;
esac
source=$1
shift 2
make -s -C "$source/tools/conform-static" OUT="$out" "$@" $target >&2 || exit 1
program=$out/quire-conform-static-$target
[ -x "$program" ] || skip "no compiler for $target is here"
[ $target != i386 ] || "$program" --version >/dev/null 2>&1 || skip "the kernel runs no programs of i386"
exec "$program" --programs $programs
