#!/bin/sh
# SPDX-License-Identifier: MIT
# The memory stressors of Debian's stress-ng, which verify what they do, and memtester, in the reference kernel.
#
# usage: stress.sh QUIRE
# Environment: MEM, CPUS of the guest; SCALE, by which the work is multiplied (default 1).
# Exit status: 0 when nothing failed, 1 otherwise, 77 when stress-ng is not here.
set -u
quire=$(realpath "$1")
MEM=${MEM:-128M} CPUS=${CPUS:-4} SCALE=${SCALE:-1}
if ! command -v stress-ng >/dev/null; then
	echo "skip: stress-ng is not on this machine"
	exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# One a line: the stressor, its operations, more options.
cat >"$work/list" <<'LIST'
bad-altstack 5
bigheap 500 --bigheap-growth 64K
brk 2000 --brk-mlock
clone 10
fault 1000
fork 30 --fork-vm
madvise 1
malloc 500 --malloc-bytes 4M --malloc-touch
memfd 2 --memfd-bytes 4M
mincore 10 --mincore-random
mlock 40
mmap 8 --mmap-bytes 4M --mmap-file
mmapaddr 20
mmapfixed 5
mmapfork 1
mmapmany 2000
mprotect 20
mremap 20 --mremap-bytes 4M --mremap-mlock
msync 40 --msync-bytes 1M
munmap 4
pagemove 1 --pagemove-bytes 1M
pthread 40
remap 2
shm 2 --shm-bytes 1M
sigsegv 100
stack 2 --stack-fill
stackmmap 2
vfork 20
vm 40 --vm-bytes 8M
vm-addr 1
vm-rw 5 --vm-rw-bytes 1M
zero 40
LIST
awk -v scale="$SCALE" '{
	name = $1; ops = $2 * scale; $1 = $2 = ""
	print "try " name " stress-ng --" name " 2 --" name "-ops " ops $0 " --verify -t 60 --temp-path /tmp"
}' "$work/list" >"$work/commands"
cat >"$work/script" <<'SCRIPT'
try() {
	name=$1
	shift
	if "$@" >/tmp/said 2>&1 && ! grep -q -e 'fail:' -e 'No stress workers' -e 'will be skipped' /tmp/said; then
		echo "ok   $name"
	else
		echo "FAIL $name: status $?"
		grep -v 'no CPUs found' /tmp/said | head -n 8
	fi
}
SCRIPT
{
	cat "$work/script" "$work/commands"
	command -v memtester >/dev/null && echo "try memtester memtester 1M 1"
	echo "echo end"
} >"$work/guest.sh"
files="--file $work/guest.sh:/guest.sh --file /bin/busybox:/bin/grep --file /bin/busybox:/bin/head --file $(command -v stress-ng)"
command -v memtester >/dev/null && files="$files --file $(command -v memtester)"
# shellcheck disable=SC2086  # file names here have no blanks
"$quire" run --mem "$MEM" --cpus "$CPUS" --timeout 1000 --quiet $files -- /bin/busybox sh /guest.sh \
	>"$work/said" 2>"$work/errors"
status=$?
cat "$work/said" "$work/errors"
count=$(grep -c '^ok ' "$work/said")
echo "$count of $(grep -c '^try ' "$work/guest.sh") passed"
[ $status = 0 ] && [ "$(tail -n 1 "$work/said")" = end ] && ! grep -q '^FAIL' "$work/said"
