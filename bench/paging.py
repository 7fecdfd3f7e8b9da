#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A working set of three times the memory: the reference kernel, by each policy, beside Debian's Linux.

usage: paging.py BUILD [--memory MIB] [--set MIB] [--without-linux]

The same static program (bench/paging.c) on both, under `qemu -icount shift=0`, one CPU, the same swap disk: what is left
free at the start is the same. Linux is Debian's kernel package, which tests/oracle/run.sh fetches through apt."""
import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def rows_of(words):
    run = subprocess.run(words, capture_output=True, text=True)
    if run.returncode == 77:
        print(run.stdout.strip().splitlines()[-1])
        return None
    if run.returncode:
        sys.exit(f'{" ".join(words)} ended with {run.returncode}:\n{run.stdout}{run.stderr}')
    return {line.split('\t')[0]: [int(word) for word in line.split('\t')[1:]] for line in run.stdout.splitlines()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build', help='the build folder, with the kernel and bench-paging')
    parser.add_argument('--memory', type=int, default=64, help='free at the start (default 64)')
    parser.add_argument('--set', type=int, default=200, help='the working set (default 200)')
    parser.add_argument('--without-linux', action='store_true')
    options = parser.parse_args()
    guest = [os.path.join(options.build, 'bench', 'bench-paging'), str(options.memory), str(options.set)]
    swap = f'{options.set * 2 + 64}M'
    results = {}
    for policy in ('lru', 'gen'):
        results['Quire, ' + policy] = rows_of([
            os.path.join(options.build, 'quire'), 'run', '--quiet', '--icount', '--policy', policy, '--mem',
            f'{options.memory + 32}M', '--swap', swap, '--timeout', '3000', '--'] + guest)
    if not options.without_linux:
        results['Linux'] = rows_of([os.path.join(ROOT, 'tests/oracle/run.sh'), '--icount', '--swap', swap, '--mem',
                                    f'{options.memory + 128}M', '--cache', os.path.join(options.build, 'oracle'), 'x86_64',
                                    '--'] + guest)
    linux = results.get('Linux')
    print(f'{"":12} {"":12} {"major":>9} {"":>5} {"pages in":>9} {"pages out":>9} {"million instructions":>21}')
    for name, rows in results.items():
        for order, (_, major, _, came, left, busy) in (rows or {}).items():
            beside = linux[order] if linux and rows is not linux else None
            print(f'{name:12} {order:12} {major:9,} {f"{100 * major / max(beside[1], 1):.0f}%" if beside and came > 100 else "":>5} '
                  f'{came:9,} {left:9,} {busy:21,} {f"{100 * busy / beside[5]:.0f}%" if beside else ""}')


main()
