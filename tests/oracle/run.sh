#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a static program on Debian's own kernel, under QEMU, and passes on its output and exit status.
set -eu

usage() {
	cat <<'EOF'
usage: run.sh [OPTION...] ARCH -- PROGRAM [ARGUMENT...]

Boots the kernel that Debian ships for ARCH with PROGRAM, a static executable, and gives what it wrote and
its exit status. The kernel's package is fetched by apt into a folder of its own; nothing is installed.

  ARCH            x86_64, i386, arm, arm64 or riscv64; armhf is arm
  --cache DIR     where packages and unpacked kernels stay (default: build/oracle; or ORACLE_CACHE)
  --package NAME  another package than the one of ARCH, such as linux-image-amd64
  --mem SIZE      of the machine (default 1024M)
  --cpus N        (default 2)
  --cpu NAME      as QEMU names it (default: all that it can)
  --swap SIZE     a disk to swap to, such as 512M (default: none)
  --icount        clocks count instructions: qemu -icount shift=0,sleep=off, one CPU
  --append WORDS  more words for the kernel's command line
  --timeout S     seconds after which the machine is taken for hung (default 7200)
  --prepare       fetch and unpack only
  --help          this text

Exit status: the program's; 77 when something is missing that the last line names (no network, no QEMU,
no compiler); 125 when the machine ended without a word from the program.
EOF
}

missing() {
	echo "oracle: $1"
	exit 77
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${ORACLE_CACHE:-$here/../../build/oracle}
release= # of Debian; this machine's
package= mem=1024M cpus=2 cpu= append= limit=7200 prepare= swap=
accelerators=
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--cache) cache=$2; shift 2 ;;
	--package) package=$2; shift 2 ;;
	--mem) mem=$2; shift 2 ;;
	--cpus) cpus=$2; shift 2 ;;
	--cpu) cpu=$2; shift 2 ;;
	--append) append=$2; shift 2 ;;
	--swap) swap=$2; shift 2 ;;
	--icount) accelerators="-accel tcg -icount shift=0,sleep=off" cpus=1; shift ;;
	--timeout) limit=$2; shift 2 ;;
	--prepare) prepare=1; shift ;;
	-*) usage >&2; exit 125 ;;
	*) break ;;
	esac
done
[ $# -ge 1 ] || { usage >&2; exit 125; }
arch=$1
shift
if [ -z "$prepare" ]; then
	[ $# -ge 2 ] && [ "$1" = -- ] || { usage >&2; exit 125; }
	shift
	[ -f "$1" ] || { echo "oracle: $1: not found" >&2; exit 125; }
fi

# Debian's name, its package, the emulator with its machine, the console, the compiler.
case $arch in
x86_64)
	debian=amd64 default=linux-image-cloud-amd64 console=ttyS0
	machine="qemu-system-x86_64 -machine q35 -cpu max" compiler=x86_64-linux-gnu-gcc ;;
i386)
	debian=i386 default=linux-image-686-pae console=ttyS0
	machine="qemu-system-i386 -machine q35 -cpu max" compiler=i686-linux-gnu-gcc ;;
arm | armhf)
	arch=armhf # the folder of its packages
	debian=armhf default=linux-image-armmp console=ttyAMA0
	machine="qemu-system-arm -machine virt,highmem=off -cpu max" compiler=arm-linux-gnueabihf-gcc ;;
arm64)
	debian=arm64 default=linux-image-cloud-arm64 console=ttyAMA0
	machine="qemu-system-aarch64 -machine virt -cpu max" compiler=aarch64-linux-gnu-gcc ;;
riscv64)
	debian=riscv64 default=linux-image-riscv64 console=ttyS0 release=trixie # not in Debian 12
	machine="qemu-system-riscv64 -machine virt" compiler=riscv64-linux-gnu-gcc ;;
*)
	echo "oracle: no such architecture: $arch" >&2
	exit 125 ;;
esac
: "${package:=$default}"
[ -z "$cpu" ] || machine="${machine%% -cpu *} -cpu $cpu"
emulator=${machine%% *}
command -v "$emulator" >/dev/null || missing "$emulator is not installed"
if ! command -v "$compiler" >/dev/null; then
	[ "$(uname -m)" = "$arch" ] && compiler=${CC:-cc} || missing "$compiler is not installed"
fi
for tool in apt-get dpkg-deb cpio mkfs.ext4; do
	command -v "$tool" >/dev/null || missing "$tool is not installed"
done

mkdir -p "$cache"
cache=$(CDPATH='' cd -- "$cache" && pwd)
kernel=$cache/$arch/$package

# apt with the system's sources and keys, or another release of its mirror, and everything else in the cache.
apt_options() {
	state=$cache/$arch/apt
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	: >>"$state/status"
	if [ -n "$release" ]; then
		"$here/../../scripts/debian-list.sh" "$release" >"$state/sources"
		echo "-o Dir::Etc::sourcelist=$state/sources -o Dir::Etc::sourceparts=-"
	fi
	echo "-q -o Dir::State=$state -o Dir::State::Lists=$state/lists -o Dir::State::status=$state/status" \
		"-o Dir::Cache=$state -o Dir::Cache::Archives=$state/archives -o APT::Architecture=$debian" \
		"-o APT::Architectures=$debian -o APT::Sandbox::User=root -o Debug::NoLocking=true"
}

fetch() {
	options=$(apt_options)
	# shellcheck disable=SC2086
	apt-get $options update >"$cache/$arch/apt.log" 2>&1 || true # what lists there are may be enough
	# The package of a name like linux-image-amd64 is empty: it depends on the one with the kernel.
	# shellcheck disable=SC2086
	real=$(apt-cache $options depends "$package" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
	# shellcheck disable=SC2086
	(cd "$cache/$arch" && apt-get $options download "${real:-$package}" >>"$cache/$arch/apt.log" 2>&1) ||
		missing "${real:-$package} cannot be fetched; see $cache/$arch/apt.log"
	rm -rf "$kernel.new"
	mkdir -p "$kernel.new"
	dpkg-deb -x "$cache/$arch/${real:-$package}"_*.deb "$kernel.new/root"
	cp "$kernel.new"/root/boot/vmlinu* "$kernel.new/image"
	# What a disk needs: what is built in is not there as a module, and is not missed.
	mkdir "$kernel.new/modules"
	for name in virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_mmio virtio_blk \
		crc16 crc32c_generic crc32c-intel libcrc32c mbcache jbd2 ext4; do
		find "$kernel.new/root" -name "$name.ko" -exec cp {} "$kernel.new/modules/" \;
		find "$kernel.new/root" -name "$name.ko.xz" -exec sh -c 'xz -dc "$1" >"$2/$(basename "$1" .xz)"' _ {} \
			"$kernel.new/modules" \;
	done
	rm -rf "$kernel.new/root" "$kernel"
	mv "$kernel.new" "$kernel"
}

[ -f "$kernel/image" ] || fetch
[ -z "$prepare" ] || exit 0

work=$(mktemp -d "${TMPDIR:-/tmp}/quire-oracle-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 125' HUP INT TERM
mkdir "$work/root" "$work/root/dev"
"$compiler" -O1 -static -o "$work/root/init" "$here/init.c" || missing "$compiler cannot link a static program"
cp "$1" "$work/root/program"
chmod 755 "$work/root/program"
cp -r "$kernel/modules" "$work/root/modules"
shift
: >"$work/root/arguments"
for argument; do
	printf '%s\0' "$argument" >>"$work/root/arguments"
done
(cd "$work/root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$work/initrd"
truncate -s 128M "$work/disk"
# Without a journal: its commits write pages back in their own time.
mkfs.ext4 -q -F -O ^has_journal "$work/disk"
if [ -n "$swap" ]; then
	command -v mkswap >/dev/null || missing "mkswap is not installed"
	truncate -s "$swap" "$work/swap"
	chmod 600 "$work/swap"
	mkswap -q "$work/swap"
	swap="-drive file=$work/swap,format=raw,if=virtio,cache=unsafe"
fi

# A machine that KVM can make is as good as one that is emulated; one that it cannot is emulated. To have /dev/kvm is not
# enough: inside a virtual machine it may refuse what the CPU model asks for.
if [ -z "$accelerators" ]; then
	accelerators="-accel kvm"
	# shellcheck disable=SC2086
	(echo quit | timeout 60 $machine $accelerators -nodefaults -display none -S -monitor stdio) >"$work/probe" 2>&1 ||
		accelerators="-accel tcg"
fi
# shellcheck disable=SC2086
timeout "$limit" $machine $accelerators -m "$mem" -smp "$cpus" -nographic -no-reboot -nodefaults -serial stdio \
	-kernel "$kernel/image" -initrd "$work/initrd" -drive "file=$work/disk,format=raw,if=virtio" $swap \
	-append "console=$console quiet loglevel=0 panic=-1 $append" \
	</dev/null >"$work/said" 2>"$work/emulator" || echo "oracle: $emulator ended with $?" >&2
status=$(sed -n 's/^@oracle exit \([0-9]*\)$/\1/p' "$work/said" | tail -n 1)
# The firmware speaks before the first of these lines; the end of line before the last is not the program's.
sed -n '/^@oracle begin$/,/^@oracle exit [0-9]*$/{/^@oracle begin$/d;/^@oracle exit/d;p}' "$work/said" | head -c -1
if [ -z "$status" ]; then
	cat "$work/said" "$work/emulator" >&2
	echo "oracle: the machine ended without a word from the program" >&2
	exit 125
fi
exit "$status"
