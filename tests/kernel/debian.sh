#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs unmodified Debian programs on the host and under the reference kernel, and compares what they print.
#
# usage: debian.sh QUIRE THREADS-GLIBC THREADS-MUSL [CASE]...
#
# Cases: applets glibc musl dash bash sqlite python gzip xz bzip2 sort. A program that the host does not have
# is skipped, and said to be. Exit status: 0 when all that ran are equal, 1 otherwise, 77 when none ran.
set -u
quire=$(realpath "$1") glibc=$(realpath "$2") musl=$(realpath -m "$3")
shift 3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export LC_ALL=C TZ=UTC
MEM=${MEM:-64M} CPUS=${CPUS:-2} TIMEOUT=${TIMEOUT:-1200}
failed=0 ran=0

# compare NAME [--file F]... -- COMMAND...: on the host, then in the guest.
compare() {
	name=$1
	shift
	files=''
	while [ "$1" != -- ]; do
		files="$files $1"
		shift
	done
	shift
	input=${input:-/dev/null}
	"$@" <"$input" >"$name.host" 2>"$name.host-errors"
	host_status=$?
	# shellcheck disable=SC2086  # file names here have no blanks
	"$quire" run --mem "$MEM" --cpus "$CPUS" --timeout "$TIMEOUT" --quiet --json "$name.json" $files -- "$@" \
		<"$input" >"$name.guest" 2>"$name.guest-errors"
	guest_status=$?
	ran=$((ran + 1))
	input=/dev/null
	if [ $host_status -ne $guest_status ]; then
		echo "FAIL $name: status $guest_status, on the host $host_status"
	elif ! cmp -s "$name.host" "$name.guest"; then
		echo "FAIL $name: the outputs differ"
		diff "$name.host" "$name.guest" | head -n 20
	else
		echo "ok   $name ($(wc -c <"$name.guest") bytes alike, $(sed -n 's/^  "minor": \([0-9]*\).*/\1/p' "$name.json") faults)"
		return
	fi
	head -n 20 "$name.guest-errors"
	failed=1
}

have() {
	for program in "$@"; do
		if ! command -v "$program" >/dev/null; then
			echo "skip $program: not on this machine"
			return 1
		fi
	done
}

files_of() {
	for program in "$@"; do
		printf ' --file %s' "$(command -v "$program")"
	done
}

# The modules that the script loads, with their compiled forms: the whole library would not fit the guest.
python_files() {
	python3=$1
	"$python3" -S - "$2" <<'END'
import os, runpy, sys
saved = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
runpy.run_path(sys.argv[1], run_name="__main__")
sys.stdout.flush()
os.dup2(saved, 1)
import encodings.utf_8, encodings.ascii, encodings.latin_1
files = set()
for module in list(sys.modules.values()):
    for path in (getattr(module, "__file__", None), getattr(module, "__cached__", None)):
        if path and os.path.exists(path):
            files.add(path)
print(" ".join("--file " + path for path in sorted(files)))
END
}

one() {
	case $1 in
	applets) compare applets --file "$here/applets.sh" -- /bin/busybox sh "$here/applets.sh" ;;
	glibc) [ -x "$glibc" ] && compare glibc -- "$glibc" ;;
	musl) [ -x "$musl" ] && compare musl -- "$musl" ;;
	dash | bash)
		have "$1" mktemp cksum && compare "$1" --file "$here/program.sh" --file /bin/sh \
			$(files_of mktemp cksum sort uniq cat tail tr sleep mkdir cp diff ln ls cut rm) \
			-- "$(command -v "$1")" "$here/program.sh"
		;;
	sqlite)
		have sqlite3 || return
		input=$here/database.sql
		rm -f "$work/leaves.db"
		compare sqlite -- "$(command -v sqlite3)" "$work/leaves.db"
		;;
	python)
		[ -x /usr/bin/python3 ] || { echo "skip python3: not on this machine"; return; }
		compare python $(python_files /usr/bin/python3 "$here/program.py") --file "$here/program.py" \
			--file /bin/cat -- /usr/bin/python3 -S "$here/program.py"
		;;
	gzip | xz | bzip2)
		have "$1" seq cmp cksum || return
		level=''
		[ "$1" = xz ] && level=-2   # the default needs 94 MiB
		[ "$1" = gzip ] && level=-n # no time of the file
		compare "$1" --file /bin/sh $(files_of "$1" seq cmp cksum tee rm) -- /bin/sh -c \
			"cd '$work'; seq 1 400000 >plain; $1 $level -c <plain >packed && $1 -dc <packed | cmp - plain &&
			cksum <packed && cksum <plain && $1 -t <packed && echo whole; rm plain packed"
		;;
	sort)
		have sort cksum gzip || return
		compare sort --file /bin/sh --file /bin/busybox $(files_of sort cksum gzip) -- /bin/sh -c \
			"busybox awk 'BEGIN { x = 7; for (i = 0; i < 320000; i++) { x = (x * 16807) % 2147483647
				printf \"%010d the quick brown fox jumps over the lazy dog, and the dog has seen it: %d of them\\n\",
				x, i } }' | sort -S 20M --parallel=2 --compress-program=gzip | cksum"
		;;
	*)
		echo "debian.sh: no case $1"
		failed=1
		;;
	esac
}

[ $# -gt 0 ] || set -- applets glibc musl dash bash sqlite python gzip xz bzip2 sort
for case in "$@"; do
	one "$case"
done
[ $ran -gt 0 ] || exit 77
exit $failed
