#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exact number of instructions that a fault costs a program in the reference kernel, compared with Linux.

usage: kernel.py BUILD [--arch ARCH]... [--json FILE]

Runs the static benchmark of each architecture whose kernel lies in BUILD under `qemu -icount shift=0`, where a
nanosecond is an instruction. Linux's figures come from Linux 6.1 (Debian 12, mitigations off, no huge pages), those
for RISC-V from 6.12 (Debian 13), under the same QEMU and the same option. Clearing and copying of pages is shown
apart on x86: there both kernels use string instructions, which QEMU counts word by word (4,096 a page for Linux on
x86-64, 512 for Quire, 1,024 for both on i386)."""
import argparse
import json
import os
import re
import subprocess
import sys

ROWS = (
    ('anonymous read, zero page', 0), ('anonymous write', 1), ('zero page, then write', 1),
    ('private file, sequential read, per page', 0), ('private file, read, one cached page', 0),
    ('private file, write', 1), ('write after fork, child alive', 1), ('write after fork, child gone', 0),
    ('stack growth by one page', 1), ('MADV_DONTNEED, per page', 0), ('munmap, per page', 0),
    ('mprotect to read-only, per page', 0), ('fork call, per resident page', 0), ('getppid', 0),
    ('mmap + madvise + munmap of one page', 0), ('fork + exit + wait', 0), ('fork + exec + exit + wait', 0),
)
# Linux's instructions in the order of ROWS.
LINUX = {
    'x86_64': (1279, 6756, 7150, 588, 2191, 7768, 11494, 1398, 11761, 1019, 1073, 161, 133, 339, 24000, 299000, 961000),
    'i386': (1208, 3669, 4198, 656, 2034, 5413, 5617, 1279, 7757, 1142, 1178, 88, 86, 399, None, 175000, 691000),
    'arm': (1045, 3170, 3481, 592, 1732, 4047, 4080, 1228, 5971, 980, 1018, 149, 150, 166, None, 143000, 507000),
    'arm64': (1132, 3011, 3212, 756, 1929, 4318, 4149, 1316, 8017, 1073, 1113, 114, 111, 471, None, 163000, 684000),
    'riscv64': (1268, 4487, 4840, 619, 2539, 5859, 5498, 1435, 4458, 1284, 1289, 45, 239, 441, 14182, 324000, 686000),
}
RELEASE = {'riscv64': '6.12'}
# Instructions to clear or copy a page: Linux's, Quire's.
PAGE = {'x86_64': (4096, 512), 'i386': (1024, 1024)}


def measure(build, arch):
    """The lines that the guest printed, and the seconds until its first instruction."""
    guest = os.path.join(build, 'bench', 'bench-guest' if arch == 'x86_64' else 'bench-guest-' + arch)
    run = subprocess.run([os.path.join(build, 'quire'), 'run', '--icount', '--cpus', '1', '--mem', '256M', '--timeout', '300',
                          '--', guest], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f'{guest} ended with {run.returncode}:\n{run.stderr}')
    rows = {}
    for line in run.stdout.splitlines():
        name, _, nanoseconds = line.split('\t')
        rows[name] = int(nanoseconds)
    boot = re.search(r'boot\s+([\d.]+) s', run.stderr)
    return rows, float(boot.group(1)) if boot else None


def source_facts(kernel):
    """Lines of ports/kernel, number of host functions, bytes of the loaded image."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'ports', 'kernel')
    lines = 0
    for folder, _, files in os.walk(root):
        for name in files:
            if name.endswith(('.c', '.h', '.S', '.ld', '.def')):
                with open(os.path.join(folder, name), encoding='utf-8') as file:
                    lines += sum(1 for _ in file)
    with open(os.path.join(root, 'port', 'host.c'), encoding='utf-8') as file:
        functions = len(re.findall(r'^\s+\.\w+ = host_', file.read(), re.M))
    sizes = subprocess.run(['size', kernel], capture_output=True, text=True).stdout.split('\n')
    text, data, bss = sizes[1].split()[:3] if len(sizes) > 1 else ('0', '0', '0')
    parts = subprocess.run(['size', '-A', kernel], capture_output=True, text=True).stdout
    frames = int((re.findall(r'^\.eh_frame\s+(\d+)', parts, re.M) or [0])[0])
    return {'lines of ports/kernel': lines, 'host functions implemented': functions,
            'image: code and constants, bytes': int(text) - frames,
            'image: call frame information, bytes': frames, 'image: data, bytes': int(data),
            'image: zeroed, bytes': int(bss)}


def table(arch, rows):
    linux = {name: (figure, pages) for (name, pages), figure in zip(ROWS, LINUX[arch]) if figure}
    theirs_per_page, ours_per_page = PAGE.get(arch, (0, 0))
    release = 'Linux ' + RELEASE.get(arch, '6.1')
    print(f'{arch}, instructions per operation' .ljust(42) + f' {"Quire":>9} {"of pages":>9} {release:>10} {"of pages":>9} '
          f'{"decisions" if arch in PAGE else "all":>10}')
    for name, ours in rows.items():
        if name not in linux:
            print(f'{name:42} {ours:9,}')
            continue
        theirs, pages = linux[name]
        ours_pages, theirs_pages = pages * ours_per_page, pages * theirs_per_page
        print(f'{name:42} {ours:9,} {ours_pages or "":>9} {theirs:10,} {theirs_pages or "":>9} '
              f'{100 * (ours - ours_pages) / (theirs - theirs_pages):9.0f}%')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build', help='the build folder, with kernels and bench-guest programs')
    parser.add_argument('--arch', action='append', choices=LINUX, help='only this one; may be repeated')
    parser.add_argument('--json', help='writes the figures there too')
    options = parser.parse_args()
    result = {}
    for arch in options.arch or LINUX:
        kernel = os.path.join(options.build, f'quire-kernel-{arch}.elf')
        if not os.path.exists(kernel):
            print(f'{arch}: no kernel: {kernel}\n')
            continue
        rows, boot = measure(options.build, arch)
        facts = source_facts(kernel)
        if boot is not None:
            facts['boot to the first user instruction, s (virtual)'] = boot
        table(arch, rows)
        print()
        for name, value in facts.items():
            print(f'{name:50} {value:>12,}')
        print()
        result[arch] = {'instructions': rows, 'facts': facts}
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as file:
            json.dump(result, file, indent=1)


main()
