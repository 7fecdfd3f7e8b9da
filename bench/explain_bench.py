#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long quire explain takes for 10 MB of log. Prints lines of "name value unit".

usage: explain_bench.py BUILD [--check]     --check: exit 1 when a text explanation takes a second or more

Three logs: a machine's own, with a report in every five hundred lines; nothing but reports; nothing but
lines of crashing programs. Best of five, in seconds of CPU time and of the clock: on a machine that does
other work too, the first says what the program costs."""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

BYTES = 10 << 20
ROUNDS = 5
LOGS = pathlib.Path(__file__).parent.parent / 'tests' / 'explain' / 'logs'

NOISE = ['[%5d.%06d] usb 1-1: new high-speed USB device number %d using xhci_hcd\n',
         '[%5d.%06d] systemd[1]: Started session %d of user root.\n',
         '[%5d.%06d] EXT4-fs (sda1): mounted filesystem with ordered data mode %d\n']


def fill(lines):
    out, size = [], 0
    for line in lines:
        out.append(line)
        size += len(line)
        if size >= BYTES:
            return ''.join(out)


def machine_log(reports, dice):
    number = 0
    while True:
        number += 1
        if number % 500 == 0:
            yield dice.choice(reports)
        else:
            yield dice.choice(NOISE) % (number // 100, number % 1000000, number)


def only_reports(reports, dice):
    while True:
        yield dice.choice(reports)


def crashing_programs():
    number = 0
    while True:
        number += 1
        yield (f'[{number // 100:5}.{number % 1000000:06}] crash[{number % 30000}]: segfault at 10 '
               'ip 000055d0c0de1139 sp 00007ffd5a5a1230 error 4 in crash[55d0c0de1000+1000]\n')


def measure(command):
    """Best CPU time and best wall time."""
    cpu, wall = [], []
    for _ in range(ROUNDS):
        begin, before = time.monotonic(), os.times()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        wall.append(time.monotonic() - begin)
        cpu.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return min(cpu), min(wall)


def main():
    build, check = sys.argv[1], '--check' in sys.argv[2:]
    quire = str(pathlib.Path(build) / 'tools' / 'quire' / 'quire')
    reports = [path.read_text() for path in sorted(LOGS.glob('*.log'))]
    dice = random.Random(1)
    slow = False

    for name, lines in (('machine', machine_log(reports, dice)), ('reports', only_reports(reports, dice)),
                        ('segfaults', crashing_programs())):
        with tempfile.NamedTemporaryFile('w', suffix='.log') as log:
            log.write(fill(lines))
            log.flush()
            for form, options in (('text', []), ('json', ['--json'])):
                cpu, wall = measure([quire, 'explain', *options, log.name])
                print(f'explain.10MB.{name}.{form}.cpu {cpu:.3f} s')
                print(f'explain.10MB.{name}.{form}.wall {wall:.3f} s')
                slow = slow or (form == 'text' and cpu >= 1)
    return 1 if check and slow else 0


if __name__ == '__main__':
    sys.exit(main())
