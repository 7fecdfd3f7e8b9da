#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a program in the reference kernel: what it prints must be what a file says.
#
# usage: said.sh FILE QUIRE PROGRAM [ARGS...]      SWAP in the environment: the size of a disk to swap to
set -u
file=$1 quire=$2
shift 2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$quire" run --mem 64M ${SWAP:+--swap "$SWAP"} --cpus 2 --timeout 2000 -- "$@" >"$work/said" 2>"$work/report" </dev/null || {
	echo "status $?"
	cat "$work/report"
	exit 1
}
diff "$file" "$work/said" && echo "as recorded: $(wc -l <"$file") lines"
