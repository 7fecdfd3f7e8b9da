#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Runs more than sixty applets of busybox on known data. Prints the same lines on any Linux.
set -u
export TZ=UTC LC_ALL=C
home=$(/bin/busybox mktemp -d) || exit 1
cd "$home" || exit 1
count=0
b() { /bin/busybox "$@"; }
# Each use says its name and the sum of what it printed; the name is counted once.
seen=' '
t() {
	case $seen in *" $1 "*) ;; *) seen="$seen$1 "; count=$((count + 1)) ;; esac
	b "$@" >out 2>&1 </dev/null
	echo "$1: status $? $(b md5sum <out | b cut -c1-32)"
}
# The same for a filter, with the file in $in as its input.
f() {
	case $seen in *" $1 "*) ;; *) seen="$seen$1 "; count=$((count + 1)) ;; esac
	b "$@" <"$in" >out 2>&1
	echo "$1: status $? $(b md5sum <out | b cut -c1-32)"
}

b seq 1 2000 | b sed 's/$/ the quick brown fox/' >text
b printf 'pear\napple\nfig\napple\n\tcherry  x\n' >words
b head -c 5000 /dev/zero >zeroes
in=text
f awk '{ s += $1 * $1 } END { print s, NR }'
f base64
f cat -n
f cut -d' ' -f1,3
f expand
f fold -w 17
f grep -c 'fox'
f head -n 7
f hexdump -C
f md5sum
f nl
f od -x
f rev
f sed -n '/^1.*0 /p'
f sha1sum
f sha256sum
f sha3sum
f sha512sum
f sort -k1,1nr
f tac
f tail -n 3
f tee copy
f tr 'a-z' 'A-Z'
f unexpand
f wc
f xxd
f crc32
in=words
f sort -u
f uniq -c
f strings
f paste -s -d,
f xargs -n 2 echo
t basename /a/b/c.txt .txt
t cal 2 2024
t cmp text copy
t cp text duplicate
t date -d @1700000000 '+%Y-%m-%d %H:%M:%S'
t dc -e '2 10 ^ p'
t diff words text
t dirname /a/b/c.txt
t dd if=text of=block bs=100 skip=3 count=5
t echo one two
t env -i A=1 /bin/busybox env
t expr 6 '*' 7
t factor 1234567890
t false
t find . -name 'w*'
b gzip -c text >text.gz
t gunzip -c text.gz
t zcat text.gz
b bzip2 -c text >text.bz2
t bunzip2 -c text.bz2
t bzcat text.bz2
t bzip2 -c text
t id -u
t ln -s words link
t readlink link
t realpath /usr/../usr/./bin
t ls words link text
t mkdir -p d/e/f
t mkfifo pipe
t mv duplicate moved
t nproc --ignore=100
t printf '%05d|%-6s|%x\n' 42 abc 255
t rm moved
t rmdir -p d/e/f
t seq 3 4 30
t sh -c 'echo $((16#ff)) $(echo nested)'
t sleep 0
t stat -c '%n %s %F' words zeroes
t sync
t tar cf archive.tar words zeroes
t tar tf archive.tar
t test -s words
t touch -d '2024-01-02 03:04:05' words
t stat -c '%Y' words
t true
t truncate -s 12345 zeroes
t stat -c '%s' zeroes
t timeout 300 /bin/busybox echo in time
t tty
t uname -s
t unlink link
t usleep 1
t uuencode text remote
t yes-no-such-applet
t chmod 640 words
t stat -c '%a' words
t shuf -i 5-5
t whoami
t setsid /bin/busybox echo own session
t fallocate -l 100000 reserved
t stat -c '%s' reserved
t getopt ab:c -a -b value -c rest
t ipcalc -n 192.168.7.9/20
t ascii
echo "applets used: $count"
cd / && b rm -rf "$home"
[ "$count" -ge 60 ]
