#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes docs/report.png, the picture of a report in README. usage: picture.sh QUIRE
# Needs Chromium, and a quire that was built with D3.
set -eu
quire=$1
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$quire" run --quiet --icount --report "$work/page.html" -- /bin/busybox sh -c '
	busybox ls -l /bin | busybox sort | busybox md5sum
	for word in one two three; do (busybox echo $word | busybox sed s/o/0/); done
	busybox awk "BEGIN { for (i = 0; i < 400; i++) a[i] = i }"' >"$work/said"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,560 --virtual-time-budget=20000 \
	--user-data-dir="$work/profile" --screenshot="$root/docs/report.png" "file://$work/page.html" 2>"$work/said"
ls -l "$root/docs/report.png"
