#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the packages that a goal needs with apt and lists them; if it cannot, it lists what is missing.
#
#   scripts/deps.sh build|run|tour|test|bench|deb|xv6 [ARCH]     ARCH: another machine for `run'
set -eu

build="gcc libc6-dev meson ninja-build pkgconf make python3 libcapstone-dev libdw-dev libelf-dev libjansson-dev"
run="$build qemu-system-x86 busybox-static"
bench="$run valgrind"
i386="gcc-i686-linux-gnu libc6-dev-i386-cross"
riscv64="qemu-system-misc gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"
arm="qemu-system-arm gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"
arm64="qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
test="$bench $i386 $arm $arm64 $riscv64 clang clang-format llvm libclang-rt-dev lld libcmocka-dev musl-tools binutils cpio gdb-minimal dash bash sqlite3 node-d3 gzip xz-utils bzip2 stress-ng memtester"
deb="$build $i386 gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross debhelper fakeroot lintian cmake qemu-system-x86 busybox-static"
xv6="gcc libc6-dev make perl python3 gcc-riscv64-linux-gnu qemu-system-misc"

goal=${1:-build}
case $goal in
build) want=$build ;;
run)
	case ${2:-x86_64} in
	x86_64) want=$run ;;
	i386) want="$run $i386" ;;
	arm) want="$run $arm" ;;
	arm64) want="$run $arm64" ;;
	riscv64) want="$run $riscv64" ;;
	*)
		echo "quire: there is no kernel for $2" >&2
		exit 2
		;;
	esac
	;;
tour) want="$run $i386 $arm $arm64" ;;
bench) want=$bench ;;
deb) want=$deb ;;
xv6) want=$xv6 ;;
test) want=$test ;;
*)
	echo "usage: scripts/deps.sh build|run|tour|test|bench|deb|xv6" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "quire: not a Debian system; 'make $goal' needs the equivalents of: $want" >&2
	exit 0
fi

missing=
for package in $want; do
	case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
	*"ok installed") ;;
	*)
		# gdb-minimal and gdb conflict with each other; either is enough.
		if [ "$package" = gdb-minimal ] && command -v gdb >/dev/null 2>&1; then continue; fi
		missing="$missing $package"
		;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1; then
	as_root=sudo
else
	echo "quire: 'make $goal' needs these packages, but this is not root and there is no sudo:" >&2
	echo "  apt-get install$missing" >&2
	exit 1
fi
echo "quire: installing for 'make $goal':$missing" >&2
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
