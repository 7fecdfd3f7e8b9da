#!/bin/sh
# SPDX-License-Identifier: MIT
# Archives almost as large as the memory: the machine has room for them beside its device tree, and boots.
#
# usage: archive.sh QUIRE PROGRAM [ARGS...]     the program ends with status 5
set -u
quire=$1
shift
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
for size in 33 36; do
	head -c "${size}M" /dev/zero >"$work/big"
	"$quire" run --mem 40M --quiet --timeout 600 --file "$work/big:/big" -- "$@" >"$work/said" 2>&1 </dev/null
	status=$?
	[ "$status" = 5 ] || { echo "$size MiB: status $status"; cat "$work/said"; exit 1; }
done
echo "boots with each"
