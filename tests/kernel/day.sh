#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# A day in the life of a fault handler: what `make run` shows. Prints the same lines on any Linux.
#
# usage: day.sh [LINES]    how many lines of data are made (default 200000, some 9 MB)
set -u
lines=${1:-200000}
home=$(mktemp -d) || exit 1
cd "$home" || exit 1
for applet in awk cat cut dd find grep gzip head ln md5sum mkdir mkfifo mv od rm sed seq sh sha256sum sleep \
	sort tail tar tee tr uniq wc xargs; do
	ln -s /bin/busybox "$applet"
done
PATH=$home

sum() { md5sum | cut -c1-32; }

echo "== data: made, kept, sorted, compressed"
awk -v n="$lines" 'BEGIN {
	x = 42
	for (i = 0; i < n; i++) {
		x = (x * 16807) % 2147483647
		y = (x * 48271) % 2147483647
		printf "%010d line %d of the book, leaf %d\n", x, i, y % 4096
	}
}' >book
echo "book: $(wc -c <book) bytes, md5 $(sum <book)"
sort book >sorted
echo "sorted: md5 $(sum <sorted), first $(head -n 1 sorted | cut -c1-10), last $(tail -n 1 sorted | cut -c1-10)"
echo "leaves: $(sed 's/.*leaf //' book | sort -n | uniq -c | sort -rn | head -n 1 | tr -s ' ')"
gzip -c <sorted >sorted.gz
echo "compressed: $(gzip -dc sorted.gz | sum)"
cat book sorted book | tee copy | sha256sum | cut -c1-64
echo "tree: $(tar cf - book sorted | tar xf - -O | sum)"

echo "== children: hundreds of them"
i=0
total=0
while [ $i -lt 300 ]; do
	(exit $((i % 128)))
	total=$((total + $?))
	i=$((i + 1))
done
echo "300 children returned $total"
i=0
while [ $i -lt 40 ]; do
	(echo $((i * i)) | cat | sed 's/$/ leaf/' >"piece.$i") &
	i=$((i + 1))
done
wait
echo "40 pipelines at once: $(cat piece.* | sort -n | sum)"
echo "through xargs: $(seq 1 200 | xargs -n 5 echo | sum)"

echo "== copy on write: a large parent, children that change a little"
big=$(head -c 400000 book | tr '\n' ' ')
i=0
while [ $i -lt 20 ]; do
	(big="$i$big"; [ ${#big} -gt 400000 ] || echo "child $i lost something")
	i=$((i + 1))
done
echo "parent still has ${#big} characters: $(echo "$big" | sum)"

echo "== a deep stack"
deep() {
	if [ "$1" -eq 0 ]; then
		echo "bottom"
	else
		deep $(($1 - 1))
	fi
}
echo "shell, 1500 calls deep: $(deep 1500)"
echo "awk, 3000 calls deep: $(awk 'function f(n) { return n ? 1 + f(n - 1) : 0 } BEGIN { print f(3000) }')"

echo "== names, pipes and holes"
mkdir -p a/b/c && echo leaf >a/b/c/leaf && mv a/b z && ln -s ../z/c a/way
echo "through a link: $(cat a/way/leaf), found: $(find . -name leaf | sort)"
mkfifo pipe
(cat <pipe | wc -l >counted) &
cat book >pipe
wait
echo "through a FIFO: $(tr -d ' ' <counted) lines"
dd if=/dev/zero of=hole bs=1 count=1 seek=20000000 2>/dev/null
echo "a file with a hole: $(wc -c <hole) bytes, $(sum <hole)"
exec 3<hole
rm hole
echo "removed, but open: $(wc -c <&3)"
exec 3<&-

echo "== an end by SIGSEGV"
sh -c 'ulimit -s 512; f() { f; }; f' 2>/dev/null
echo "a shell without end of recursion: status $?"
echo "== the day is over"
cd /
/bin/busybox rm -rf "$home"
