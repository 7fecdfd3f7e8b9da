# SPDX-License-Identifier: MIT
# A script for dash and bash alike: substitutions, loops, functions, traps, here documents, jobs, files.
set -u
export LC_ALL=C
dir=$(mktemp -d) && cd "$dir" || exit 1
fib() {
	if [ "$1" -lt 2 ]; then echo "$1"; else echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); fi
}
echo "fib 11: $(fib 11)"
i=0
while [ $i -lt 200 ]; do
	case $i in
	*7) echo "line $i seven" ;;
	*[13579]) echo "line $i odd" ;;
	*) echo "line $i" ;;
	esac
	i=$((i + 1))
done >lines
while read -r word number rest; do
	printf '%s/%s/%s;' "$word" "$number" "$rest"
done <lines | cksum
sort -r lines | uniq | cat -n | tail -n 3
cat <<END | tr a-z A-Z
here document with $(printf 'a %s' substitution) and $((6 * 7))
END
trap 'echo trapped USR1' USR1
kill -USR1 $$
(exit 7)
echo "subshell: $?"
for n in 1 2 3 4 5; do (sleep 0.0$n; echo "$n" >"job.$n") & done
wait
cat job.*
mkdir -p a/b && echo x >a/b/c && cp -r a d && diff -r a d && echo "copies are equal"
ln d/b/c hard && ls -l hard | cut -c1-12
exec 5>log; echo to five >&5; exec 5>&-; cat log
(trap 'echo bye' EXIT; exit 3); echo "exit trap: $?"
sh -c 'kill -TERM $$'; echo "killed: $?"
false | true; echo "pipe: $?"
umask 027; : >masked; ls -l masked | cut -c1-10
set -- one "two three" four; for word; do echo "[$word]"; done
echo "${dir:+set} ${none:-unset} ${#1} ${1%e} ${2#* }"
printf '%5d|%-5s|%05.1f\n' 42 ab 3.14159
cd / && rm -rf "$dir"
