#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exact number of instructions that a fault costs a program in the reference kernel, beside Linux.

usage: kernel.py BUILD [--arch ARCH]... [--at-most PERCENT] [--json FILE] [--markdown] [--record]

Runs the static benchmark of each architecture whose kernel lies in BUILD under `qemu -icount shift=0`, where a
nanosecond is an instruction. Linux's figures are those that the same program gave in Debian's own kernel under the same
QEMU, without mitigations and huge pages: bench/linux.json, which --record measures anew (tests/oracle/run.sh fetches
the kernels through apt). Clearing and copying of pages is shown apart on x86: there both kernels use string
instructions, which QEMU counts word by word (4,096 a page for Linux on x86-64, 512 for Quire, 1,024 for both on
i386)."""
import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECORD = os.path.join(ROOT, 'bench', 'linux.json')
# Debian's kernel for each architecture, as tests/oracle/run.sh takes it; the CPU is the one of `quire run`. That of
# i386 has no PAE, as Quire there.
LINUX = {
    'x86_64': ('x86_64', 'linux-image-cloud-amd64', 'max'),
    'i386': ('i386', 'linux-image-686', 'max'),
    'arm': ('armhf', 'linux-image-armmp', 'cortex-a15'),
    'arm64': ('arm64', 'linux-image-arm64', 'cortex-a53'),
    'riscv64': ('riscv64', 'linux-image-riscv64', 'rv64'),
}
# The operations that clear or copy a page, and what that takes: Linux's instructions, Quire's.
FILLS_A_PAGE = ('anonymous write', 'zero page, then write', 'private file, write', 'write after fork, child alive',
                'stack growth by one page')
PAGE = {'x86_64': (4096, 512), 'i386': (1024, 1024)}


def guest(build, arch):
    return os.path.join(build, 'bench', 'bench-guest' if arch == 'x86_64' else 'bench-guest-' + arch)


def rows_of(output):
    return {name: int(nanoseconds) for name, _, nanoseconds in (line.split('\t') for line in output.splitlines())}


def run(words, folder=None):
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(f'{" ".join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}')
    return done


def measure(build, arch):
    """What the guest printed, and the seconds until its first instruction. Its path is short, as it is on Linux."""
    folder, name = os.path.split(guest(build, arch))
    done = run([os.path.abspath(os.path.join(build, 'quire')), 'run', '--icount', '--cpus', '1', '--mem', '256M', '--timeout',
                '300', '--', './' + name], folder)
    boot = re.search(r'boot\s+([\d.]+) s', done.stderr)
    return rows_of(done.stdout), float(boot.group(1)) if boot else None


def measure_linux(build, arch):
    """Has Linux run the guest, and writes down what it printed."""
    debian, package, cpu = LINUX[arch]
    done = run([os.path.join(ROOT, 'tests/oracle/run.sh'), '--icount', '--cache', os.path.join(build, 'oracle'), '--mem',
                '512M', '--cpu', cpu, '--package', package, '--append', 'mitigations=off transparent_hugepage=never',
                debian, '--', guest(build, arch)])
    recorded = read_record()
    recorded[arch] = {'package': package, 'rows': rows_of(done.stdout)}
    with open(RECORD, 'w', encoding='utf-8') as file:
        json.dump(recorded, file, indent=1)
        file.write('\n')


def read_record():
    if not os.path.exists(RECORD):
        return {}
    with open(RECORD, encoding='utf-8') as file:
        return json.load(file)


def source_facts(kernel):
    """Lines of ports/kernel, number of host functions, bytes of the loaded image."""
    root = os.path.join(ROOT, 'ports', 'kernel')
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


def of_pages(arch, name):
    """How much of a row is the filling of pages, to be left out: Linux's instructions, Quire's."""
    return PAGE.get(arch, (0, 0)) if name in FILLS_A_PAGE else (0, 0)


def share(arch, name, ours, linux):
    """Ours in percent of Linux's, without the pages; None where Linux has no such row or there is no fault."""
    theirs = linux.get(name)
    if not theirs or name == 'no fault':
        return None
    theirs_pages, ours_pages = of_pages(arch, name)
    return 100 * (ours - ours_pages) / (theirs - theirs_pages)


def table(arch, rows, linux):
    print(f'{arch}, instructions per operation'.ljust(42) + f' {"Quire":>9} {"of pages":>9} {"Linux":>10} {"of pages":>9} '
          f'{"decisions" if arch in PAGE else "all":>10}')
    for name, ours in rows.items():
        percent = share(arch, name, ours, linux)
        if percent is None:
            print(f'{name:42} {ours:9,}')
            continue
        theirs_pages, ours_pages = of_pages(arch, name)
        print(f'{name:42} {ours:9,} {ours_pages or "":>9} {linux[name]:10,} {theirs_pages or "":>9} {percent:9.0f}%')


def above(result, record, limit):
    """The rows that have a larger share of Linux's instructions, or nothing to compare with, one line each."""
    found = []
    for arch, measured in result.items():
        for name, ours in measured['instructions'].items():
            percent = share(arch, name, ours, record.get(arch, {}).get('rows', {}))
            if percent is None and name != 'no fault':
                found.append(f'{arch}, {name}: Linux has no figure')
            elif percent is not None and percent > limit:
                found.append(f'{arch}, {name}: {percent:.1f} percent of Linux')
    return found


def markdown(result, record):
    """The table of docs/cost.md."""
    print('| operation |' + ''.join(f' {arch} | |' for arch in result))
    print('|---|' + '---:|---:|' * len(result))
    for name in next(iter(result.values()))['instructions']:
        cells = ''
        for arch, measured in result.items():
            ours = measured['instructions'][name]
            percent = share(arch, name, ours, record.get(arch, {}).get('rows', {}))
            cells += f' {ours:,} |' + (' |' if percent is None else f' {percent:.0f}% |')
        print(f'| {name} |{cells}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build', help='the build folder, with kernels and bench-guest programs')
    parser.add_argument('--arch', action='append', choices=LINUX, help='only this one; may be repeated')
    parser.add_argument('--at-most', type=float, metavar='PERCENT', help='exit 1 where a row has a larger share of Linux\'s')
    parser.add_argument('--json', help='writes the figures there too')
    parser.add_argument('--markdown', action='store_true', help='prints one table instead, as docs/cost.md has it')
    parser.add_argument('--record', action='store_true', help="measures Linux, too: Debian's kernels, through apt")
    options = parser.parse_args()
    result = {}
    for arch in options.arch or LINUX:
        kernel = os.path.join(options.build, f'quire-kernel-{arch}.elf')
        if not os.path.exists(kernel):
            print(f'{arch}: no kernel: {kernel}\n')
            continue
        if options.record:
            measure_linux(options.build, arch)
        rows, boot = measure(options.build, arch)
        facts = source_facts(kernel)
        if boot is not None:
            facts['boot to the first user instruction, s (virtual)'] = boot
        result[arch] = {'instructions': rows, 'facts': facts}
        if options.markdown:
            continue
        table(arch, rows, read_record().get(arch, {}).get('rows', {}))
        print()
        for name, value in facts.items():
            print(f'{name:50} {value:>12,}')
        print()
    if options.markdown and result:
        markdown(result, read_record())
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as file:
            json.dump(result, file, indent=1)
    if not result:
        sys.exit(f'{options.build}: no kernel')
    if options.at_most:
        found = above(result, read_record(), options.at_most)
        print(*found, sep='\n')
        sys.exit(1 if found else 0)


main()
