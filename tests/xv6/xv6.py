#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""xv6-riscv on libquire: applied to a copy of the checkout that XV6 names, built, booted, tested, and counted. Then again
with mmap() and munmap().

usage: xv6.py ROOT WORK      exit status 77 without XV6=PATH, a RISC-V compiler or QEMU

The lines that ports/xv6/apply adds and removes are counted. `usertests -q` runs on 1 hart and on 3. The instructions
of ports/xv6/vmbench.c are compared with those of the same checkout without the port."""
import os
import re
import select
import shutil
import subprocess
import sys
import time

MOST_ADDED = 300       # without mmap
MOST_ADDED_MMAP = 300  # for mmap, without its test
# Most instructions, of those of the stock kernel.
MOST = {'fork+exit+wait': 0.01, 'fork+exec+exit+wait': 0.03, 'sbrk+touch': 0.01, 'getpid': 1.01, 'pipe500': 0.6,
        'pipe1': 1, 'console1': 1}
TIME = int(os.environ.get('XV6_TIME', '3600'))  # seconds that a guest may take: a hang detector
failures = []


def check(what, good, said=''):
    print(('ok: ' if good else 'FAILED: ') + what, flush=True)
    if not good:
        print(said)
        failures.append(what)


def call(words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f'{" ".join(words)}\n{done.stdout}')
    return done.stdout


def tree(root, checkout, folder, *parts):
    """A copy of the checkout's commit with these parts applied, built."""
    call(['git', 'clone', '-q', checkout, folder])
    call([os.path.join(root, 'ports/xv6/apply'), folder, *parts])
    env = dict(os.environ, PATH='/usr/lib/ccache:' + os.environ['PATH'])
    call(['make', '-s', '-C', folder, f'-j{os.cpu_count()}', 'kernel/kernel', 'fs.img'], env=env)
    return folder


def lines(root, checkout, folder, *parts):
    """(added, removed, the table) of what apply changes in the kernel and what builds it and its system calls."""
    call(['git', 'clone', '-q', checkout, folder])
    call([os.path.join(root, 'ports/xv6/apply'), folder, *parts])
    call(['git', 'add', '-A', 'kernel', 'Makefile', 'user/user.h', 'user/usys.pl'], cwd=folder)
    table = call(['git', 'diff', '--cached', '--numstat'], cwd=folder)
    rows = [row.split() for row in table.splitlines()]
    return sum(int(row[0]) for row in rows), sum(int(row[1]) for row in rows), table


def guest(folder, harts, command, *options):
    """What the shell prints for a command, up to its next prompt; or up to a panic, or TIME."""
    words = ['qemu-system-riscv64', '-machine', 'virt', '-bios', 'none', '-kernel', 'kernel/kernel', '-m', '128M',
             '-smp', str(harts), '-nographic', '-global', 'virtio-mmio.force-legacy=false',
             '-drive', 'file=fs.img,if=none,format=raw,id=x0,snapshot=on',
             '-device', 'virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0', *options]
    qemu = subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, start, until = b'', None, time.monotonic() + TIME
    while time.monotonic() < until and b'panic:' not in said:
        if select.select([qemu.stdout], [], [], 1)[0]:
            said += os.read(qemu.stdout.fileno(), 4096)
        if start is None and b'$ ' in said:
            start = len(said)
            qemu.stdin.write(command.encode() + b'\n')
            qemu.stdin.flush()
        elif start is not None and b'\n$ ' in said[start:]:
            break
    qemu.kill()
    qemu.wait()
    return said[start or 0:].decode('utf-8', 'replace')


def counts(folder):
    return {name: int(count) for name, count in
            re.findall(r'vmbench (\S+) (\d+)', guest(folder, 1, 'vmbench', '-icount', 'shift=0'))}


def main():
    root, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    checkout = os.environ.get('XV6')
    if not checkout:
        print('XV6=PATH names no checkout of xv6-riscv')
        return 77
    for program in ('riscv64-linux-gnu-gcc', 'qemu-system-riscv64', 'git', 'perl'):
        if not shutil.which(program):
            print(f'there is no {program}')
            return 77
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    checkout = os.path.abspath(checkout)
    added, removed, table = lines(root, checkout, os.path.join(work, 'lines'), 'port')
    print(table.rstrip())
    check(f'{added} lines added, {removed} removed', added <= MOST_ADDED and added < removed)
    more, _, table = lines(root, checkout, os.path.join(work, 'lines-mmap'), 'port', 'mmap')
    print(table.rstrip())
    check(f'{more - added} lines more for mmap', 0 < more - added <= MOST_ADDED_MMAP)
    port = tree(root, checkout, os.path.join(work, 'counted'), 'port', 'bench')
    stock = tree(root, checkout, os.path.join(work, 'stock'), 'bench')
    with_mmap = tree(root, checkout, os.path.join(work, 'mmap'), 'port', 'mmap')
    ours, theirs = counts(port), counts(stock)
    check('both kernels were counted', set(ours) == set(theirs) == set(MOST), f'{ours} {theirs}')
    for name in sorted(set(ours) & set(theirs)):
        check(f'{name}: {ours[name]} instructions, the stock kernel {theirs[name]}',
              ours[name] <= MOST[name] * theirs[name])
    for harts in (1, 3):
        said = guest(port, harts, 'usertests -q')
        check(f'usertests -q, {harts} harts', 'ALL TESTS PASSED' in said, said[-3000:])
        said = guest(with_mmap, harts, 'mmaptest')
        check(f'mmaptest, {harts} harts', 'mmaptest: OK' in said, said[-3000:])
    said = guest(with_mmap, 3, 'usertests -q')
    check('usertests -q with mmap, 3 harts', 'ALL TESTS PASSED' in said, said[-3000:])
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
