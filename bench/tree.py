#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lines of each folder of the tree, and the size of the library as the reference kernel links it.

usage: tree.py BUILD"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CODE = ('.c', '.h', '.S', '.py', '.sh', '.def', '.ld')
ROOMS = ('include', 'arch', 'src', 'ports/sim', 'ports/selftest', 'ports/template', 'ports/kernel', 'tools', 'tests',
         'bench', 'scenarios')


def lines(folder):
    count = 0
    for path, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in names:
            if name.endswith(CODE) or folder == 'scenarios':
                with open(os.path.join(path, name), encoding='utf-8', errors='replace') as text:
                    count += sum(1 for _ in text)
    return count


def row(folder, depth=0):
    print(f'{"  " * depth + folder:<28}{lines(folder):>8}')


def sections(archive):
    """Bytes by kind of section."""
    sizes = {'code': 0, 'constants': 0, 'writable data': 0}
    for line in subprocess.run(['size', '-A', archive], capture_output=True, text=True, check=True).stdout.splitlines():
        part = line.split()
        if len(part) != 3 or not part[1].isdigit():
            continue
        for kind, names in (('code', '.text'), ('constants', '.rodata'), ('constants', '.data.rel.ro'),
                            ('writable data', '.data'), ('writable data', '.bss')):
            if part[0] == names or part[0].startswith(names + '.') and not part[0].startswith('.data.rel.ro'):
                sizes[kind] += int(part[1])
                break
    return sizes


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print('lines')
    for room in ROOMS:
        row(room)
        if room in ('src', 'ports/kernel', 'tools'):
            base = os.path.join(ROOT, room)
            for name in sorted(os.listdir(base)):
                if os.path.isdir(os.path.join(base, name)):
                    row(os.path.join(room, name), 1)
    archive = os.path.join(sys.argv[1], 'ports/kernel/libquire_kernel.a')
    if os.path.exists(archive):
        print('the library for one architecture (x86-64), optimised for speed, bytes')
        for kind, size in sections(archive).items():
            print(f'{"  " + kind:<28}{size:>8}')


if __name__ == '__main__':
    main()
