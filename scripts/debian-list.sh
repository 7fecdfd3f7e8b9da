#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints apt's source line of a release of Debian, at the mirror that this machine's apt uses for its own release.
#
#   scripts/debian-list.sh RELEASE      its code name; exit status 1: no mirror of Debian is known here
set -eu

[ $# -eq 1 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
# shellcheck disable=SC1003,SC2016 # the names in $() are apt's
mirror=$(apt-get indextargets 'Identifier: Packages' 'Origin: Debian' 'Component: main' --format '$(REPO_URI)' |
	grep -v -- '-security/*$' | head -n 1)
[ -n "$mirror" ] || exit 1
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ ! -f "$keys" ] || options="[signed-by=$keys] "
echo "deb ${options:-}$mirror $1 main"
