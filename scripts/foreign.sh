#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian packages of another architecture from the mirror that this machine's apt uses, and unpacks them. It
# uses its own package lists, so it installs nothing and does not change the machine's apt. Those of riscv64 are of
# Debian 13, the first release that has it.
#
#   scripts/foreign.sh ARCH DIRECTORY PACKAGE...      ARCH is Debian's name; exit status 77: no network, or no apt
set -eu

[ $# -ge 3 ] || { sed -n '3,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
arch=$1
into=$2
shift 2
command -v apt-get >/dev/null 2>&1 || { echo "foreign.sh: no apt here" >&2; exit 77; }
mkdir -p "$into"
into=$(cd "$into" && pwd)
[ "$(cat "$into/.packages" 2>/dev/null)" != "$*" ] || exit 0

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT INT TERM
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/packages"
: >"$state/status"
chmod 755 "$state" "$state/packages"
lists=
if [ "$arch" = riscv64 ]; then
	"$(dirname "$0")/debian-list.sh" trixie >"$state/sources" || { echo "foreign.sh: no mirror of Debian" >&2; exit 77; }
	lists="-o Dir::Etc::sourcelist=$state/sources -o Dir::Etc::sourceparts=-"
fi
# Run by root, apt would download as another user, which may not write here.
apt() {
	# shellcheck disable=SC2086
	apt-get -qq $lists -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State="$state" \
		-o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
		-o APT::Sandbox::User=root "$@" >&2
}
# A mirror in the middle of its own update gives some lists and not others: what is there may be enough.
apt update || echo "foreign.sh: not every list for $arch" >&2
(cd "$state/packages" && apt download "$@") || { echo "foreign.sh: cannot fetch $* for $arch" >&2; exit 77; }
for package in "$state"/packages/*.deb; do
	dpkg-deb -x "$package" "$into"
done
# Since Debian 13 packages have no /bin; base-files makes the links.
for folder in bin sbin lib; do
	[ -e "$into/$folder" ] || [ ! -d "$into/usr/$folder" ] || ln -s "usr/$folder" "$into/$folder"
done
echo "$*" >"$into/.packages"
