#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a program on the host and in the reference kernel: what it prints and its status must be the same.
#
# usage: same.sh QUIRE PROGRAM [ARGS...]
#        same.sh --guest FILE QUIRE PROGRAM [ARGS...]    FILE: the same program for another machine, to run there
set -u
guest=
if [ "$1" = --guest ]; then
	guest=$2
	shift 2
fi
quire=$1
shift
[ -x "$1" ] || { echo "same.sh: $1: no such program" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$@" >"$work/host" </dev/null
host=$?
if [ -n "$guest" ]; then
	shift
	set -- "$guest" "$@"
fi
"$quire" run --mem 64M --cpus 2 --timeout 2000 -- "$@" >"$work/guest" 2>"$work/report" </dev/null
there=$?
if [ "$host" -ne "$there" ] || ! cmp -s "$work/host" "$work/guest"; then
	echo "status $host on the host, $there in the kernel; what they print:"
	diff "$work/host" "$work/guest"
	cat "$work/report"
	exit 1
fi
echo "same: status $host, $(wc -l <"$work/host") lines"
