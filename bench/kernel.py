#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exact number of instructions that a fault costs a program in the reference kernel, compared with Linux.

usage: kernel.py QUIRE KERNEL.ELF GUEST-BENCH [--json FILE]

Runs the static benchmark under `qemu -icount shift=0`, where a nanosecond is an instruction. Linux's figures come from Linux 6.1 (Debian 12, mitigations off, no huge pages) under the same QEMU and the same option. Clearing and copying of pages is shown separately on both sides: Linux's `rep stosb` counts 4,096 per page there, ours 512."""
import json
import os
import re
import subprocess
import sys

# name: (Linux's instructions, of them clearing and copying; pages we clear or copy)
LINUX = {
    'anonymous read, zero page': (1279, 0, 0),
    'anonymous write': (6756, 4096, 1),
    'zero page, then write': (7150, 4096, 1),
    'private file, sequential read, per page': (588, 0, 0),
    'private file, read, one cached page': (2191, 0, 0),
    'private file, write': (7768, 4096, 1),
    'write after fork, child alive': (11494, 4096, 1),
    'write after fork, child gone': (1398, 0, 0),
    'stack growth by one page': (11761, 4096, 1),
    'MADV_DONTNEED, per page': (1019, 0, 0),
    'munmap, per page': (1073, 0, 0),
    'mprotect to read-only, per page': (161, 0, 0),
    'fork call, per resident page': (133, 0, 0),
    'getppid': (339, 0, 0),
    'mmap + madvise + munmap of one page': (24000, 0, 0),
    'fork + exit + wait': (299000, 0, 0),
    'fork + exec + exit + wait': (961000, 0, 0),
}
OURS_PER_PAGE = 512


def measure(quire, kernel, guest):
    """The lines that the guest printed, and the seconds until its first instruction."""
    run = subprocess.run([quire, 'run', '--icount', '--cpus', '1', '--mem', '256M', '--timeout', '300', '--', guest],
                         env={**os.environ, 'QUIRE_KERNEL': kernel}, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f'the benchmark ended with {run.returncode}:\n{run.stderr}')
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


def table(rows):
    print(f'{"instructions per operation":42} {"Quire":>9} {"of pages":>9} {"Linux 6.1":>10} {"of pages":>9} {"decisions":>10}')
    for name, ours in rows.items():
        if name not in LINUX:
            print(f'{name:42} {ours:9,}')
            continue
        linux, linux_pages, pages = LINUX[name]
        mine = ours - pages * OURS_PER_PAGE
        print(f'{name:42} {ours:9,} {pages * OURS_PER_PAGE:9,} {linux:10,} {linux_pages:9,} '
              f'{100 * mine / (linux - linux_pages):9.0f}%')


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    quire, kernel, guest = sys.argv[1:4]
    rows, boot = measure(quire, kernel, guest)
    facts = source_facts(kernel)
    if boot is not None:
        facts['boot to the first user instruction, s (virtual)'] = boot
    table(rows)
    print()
    for name, value in facts.items():
        print(f'{name:50} {value:>12,}')
    if len(sys.argv) == 6 and sys.argv[4] == '--json':
        with open(sys.argv[5], 'w', encoding='utf-8') as file:
            json.dump({'instructions': rows, 'facts': facts}, file, indent=1)


main()
