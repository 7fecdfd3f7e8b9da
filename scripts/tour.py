#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make tour`: the four machines that the descriptions are of, one after another, each with real exceptions.

usage: tour.py BUILD

On each, Debian's busybox runs first, then a program that takes one fault of each described kind
(tests/kernel/ways.c): its way is printed as the kernel's trace has it, then the counts of both."""
import json
import os
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MACHINES = (('i386', 'linux-2.4', 'i386'), ('x86_64', 'linux-2.6', None), ('arm', 'linux-2.6', 'armhf'),
            ('arm64', 'linux-4.14', 'arm64'))
SCRIPT = 'seq 1 3000 | sort -r | md5sum; for i in 1 2 3 4 5; do (cd /; ls >/dev/null); done'
# The word that the program says before each, and what it is; which fault at that place, where there are several.
PLACES = (
    ('stack', 'a stack that grows', None),
    ('first-write', 'a first write', None),
    ('after-fork', 'a copy after fork', ('do_wp_page',)),
    ('file-read', 'a page of a file', None),
    ('kernel-mapping', 'first touch of a kernel mapping', ('vmalloc_fault',)),
    ('bad-user', 'a bad address: the program', None),
    ('bad-kernel', 'the same: a system call', ('search_exception_tables',)),
    ('null-write', 'a mistake of the kernel', ('oops',)),
)
KINDS = (('do_anonymous_page', 'anonymous'), ('do_no_page', 'no page yet'), ('do_fault', 'file'), ('do_wp_page', 'write-protected'),
         ('stack-grown', 'stack grown'), ('vmalloc_fault', 'kernel mapping'))


def quire(build, arch, profile, words, program):
    """(what the program said, the report). Ends the tour where the run failed."""
    with tempfile.TemporaryDirectory() as work:
        report = os.path.join(work, 'report.json')
        done = subprocess.run([os.path.join(build, 'quire'), 'run', '--quiet', '--arch', arch, '--profile', profile, '--mem', '64M',
                               '--cpus', '1', '--timeout', '600', '--json', report] + words + ['--'] + program,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f'tour: {" ".join(program)} on {arch} ended with {done.returncode}\n{done.stdout}{done.stderr}')
        with open(report, encoding='utf-8') as file:
            return done.stdout, json.load(file)


def counts(report):
    steps = report['steps']
    kinds = ', '.join(f'{steps[step]} {name}' for step, name in KINDS if steps.get(step))
    return f'{report["minor"] + report["major"]} faults: {kinds}; {report["events"]["page-copied"]} pages copied'


def busybox(build, arch, debian):
    """The words for quire run, and the program; None where Debian's cannot be fetched."""
    if not debian:
        return [], '/bin/busybox'
    root = os.path.join(build, 'foreign-' + arch)
    done = subprocess.run([os.path.join(TOP, 'scripts/foreign.sh'), debian, root, 'busybox-static'], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (['--root', root], '/bin/busybox') if done.returncode == 0 else None


def faults_of(trace):
    with open(trace, encoding='utf-8') as file:
        return [fault for fault in map(json.loads, file) if 'way' in fault]


# ARM64 has a root for the program and one for the kernel: all of the kernel's is everybody's at once.
NO_FAULT = {('arm64', 'kernel-mapping')}


def show(arch, said, faults):
    """Ends the tour where a fault that should be there is not."""
    places = {line.split()[0]: int(line.split()[-1], 16) & ~0xfff for line in said.splitlines()}
    for word, title, needs in PLACES:
        at = places[word]
        there = [fault for fault in faults if (not at or int(fault['address'], 16) & ~0xfff == at) and
                 (needs is None or any(step in fault['way'] for step in needs))]
        if needs is None:
            there = [fault for fault in there if fault['mode'] == 'user'][:1]
        if not there and (arch, word) not in NO_FAULT:
            sys.exit(f'tour: {title} took no fault on {arch}')
        print(f'\n  {title}' + ('' if there else ': no fault on this machine'))
        for fault in there:
            print(f'    {fault["address"]}, {fault["access"]} by {"a program" if fault["mode"] == "user" else "the kernel"}')
            line = '   '
            for step in fault['way'] + ['-> ' + fault['outcome']]:
                if len(line) + len(step) > 98:
                    print(line)
                    line = '     '
                line += ' ' + step
            print(line)


def machine(build, arch, profile, debian):
    print(f'\n=== {arch}, the rules of {profile} ' + '=' * (70 - len(arch) - len(profile)))
    program = busybox(build, arch, debian)
    if program:
        words, path = program
        said, report = quire(build, arch, profile, words, [path, 'sh', '-c', SCRIPT])
        print(f"\n  Debian's busybox: {said.split()[0]}, {counts(report)}")
    else:
        print(f"\n  Debian's busybox for {debian} cannot be fetched")
    with tempfile.TemporaryDirectory() as work:
        trace = os.path.join(work, 'trace')
        said, report = quire(build, arch, profile, ['--oops', 'allow', '--trace', trace],
                             [os.path.join(build, 'bench', 'tour-' + arch)])
        show(arch, said, faults_of(trace))
    print(f'\n  {counts(report)}')


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        print(__doc__)
        return sys.argv[1:] != ['--help'] and 2
    start = time.monotonic()
    for arch, profile, debian in MACHINES:
        machine(sys.argv[1], arch, profile, debian)
    print(f'\n=== four machines in {time.monotonic() - start:.0f} s')
    return 0


sys.exit(main())
