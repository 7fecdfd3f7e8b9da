#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a program on Debian's own kernel: what it prints must still be what a file says, which the reference kernel's test
# compares with.
#
# usage: recorded.sh FILE RUN-OPTION... ARCH -- PROGRAM      exit status 77: as run.sh
set -u
file=$1
shift
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
status=0
"$(dirname "$0")/run.sh" "$@" >"$said" || status=$?
if [ "$status" != 0 ]; then
	cat "$said"
	exit "$status"
fi
diff "$file" "$said" && echo "as recorded: $(wc -l <"$file") lines"
