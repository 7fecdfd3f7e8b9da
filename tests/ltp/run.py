#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the Linux Test Project in the reference kernel: of those that pass on this machine, how many pass there.

usage: run.py QUIRE CHECKOUT [--host FILE] [--out DIRECTORY] [--only WORD]

CHECKOUT is a built tree of linux-test-project/ltp (make autotools && ./configure && make). Without one nothing is
run and the exit status is 77. list.txt names the tests. --host keeps what passed on this machine in FILE, and takes
it from there when the file is there. The outputs of the tests that did not pass go into DIRECTORY/output.txt.
"""

import argparse
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BATCH = 60
SECONDS = 25  # of one test
APPLETS = 'sh cp mv rm true false cat echo mkdir mknod ls sleep grep sed tail kill id chmod timeout zcat'.split()
MEMORY = ('mem/', 'brk/', 'sbrk/', 'cachestat/', 'madvise/', 'memfd_create/', 'mincore/', 'mlock/', 'mlock2/', 'mlockall/',
          'mmap/', 'mprotect/', 'mremap/', 'mseal/', 'msync/', 'munlock/', 'munlockall/', 'munmap/', 'process_madvise/',
          'process_vm_readv/', 'process_vm_writev/', 'remap_file_pages/', 'shmat/', 'shmctl/', 'shmdt/', 'shmget/')
SCRIPT = f'''cd /ltp
for n in $(cat /list); do
  timeout -s KILL {SECONDS} ./$n >/tmp/out.txt 2>&1 </dev/null; r=$?
  echo "@ $n $r"
  [ $r = 0 ] || tail -n 25 /tmp/out.txt | sed "s/^/: $n: /"
done
'''
ENVIRONMENT = {'KCONFIG_SKIP_CHECK': '1', 'TMPDIR': '/tmp', 'LTP_COLORIZE_OUTPUT': 'n'}
# The reference kernel has one block device, and tmpfs is the only file system that it mounts.
IN_KERNEL = {**ENVIRONMENT, 'PATH': '/ltp:/bin', 'LTP_DEV': '/dev/ram0', 'LTP_DEV_FS_TYPE': 'tmpfs'}


def is_memory(test):
    return test.removeprefix('syscalls/').startswith(MEMORY)


def helpers(kernel):
    """What tests execute: programs beside them whose names say so."""
    for path in (kernel / 'syscalls').rglob('*'):
        if path.is_file() and os.access(path, os.X_OK) and path.suffix == '' and (
                'child' in path.name or 'helper' in path.name or path.name in ('execveat_errno', 'prctl06_execve')):
            yield path


def on_host(kernel, tests):
    passed = []
    with tempfile.TemporaryDirectory() as work:
        for path in list(helpers(kernel)) + [kernel / test for test in tests]:
            shutil.copy(path, work)
        environment = {**os.environ, **ENVIRONMENT, 'PATH': f'{work}:' + os.environ['PATH']}
        for test in tests:
            command = ['timeout', '-k', '2', str(SECONDS), './' + pathlib.Path(test).name]
            status = subprocess.run(command, cwd=work, env=environment, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
            if status == 0:
                passed.append(test)
    return passed


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True).stdout


def libraries(programs):
    """The loader and the shared libraries of these, by the paths that they are asked for with; static programs have none.
    The C library loads libgcc_s when a thread ends."""
    needed = {word for line in output_of('ldd', *programs).splitlines() for word in line.split()
              if word.startswith('/') and not word.endswith(':')}
    return needed | {os.path.realpath(output_of('gcc', '-print-file-name=libgcc_s.so.1').strip())} if needed else needed


def make_root(root, kernel, tests):
    for name in ('bin', 'etc', 'ltp', 'tmp'):
        (root / name).mkdir()
    shutil.copy('/bin/busybox', root / 'bin/busybox')
    for applet in APPLETS:
        (root / 'bin' / applet).symlink_to('busybox')
    programs = list(helpers(kernel)) + [kernel / test for test in tests]
    for path in programs:
        subprocess.run(['strip', '-o', root / 'ltp' / path.name, path], check=True)
    for name in libraries(programs):
        (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, root / name[1:])
    (root / 'list').write_text(''.join(pathlib.Path(test).name + '\n' for test in tests))
    (root / 'run.sh').write_text(SCRIPT)


def in_kernel(quire, kernel, tests, out):
    with tempfile.TemporaryDirectory() as work:
        root = pathlib.Path(work) / 'root'
        root.mkdir()
        make_root(root, kernel, tests)
        settings = [f'{name}={value}' for name, value in IN_KERNEL.items()]
        command = [quire, 'run', '--mem', '768M', '--cpus', '2', '--timeout', '300', '--oops', 'allow', '--quiet', '--log',
                   '--root', root, '--', '/bin/busybox', 'env', *settings, 'sh', '/run.sh']
        with open(out / 'log.txt', 'ab') as log:
            run = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, check=False)
    result = {}
    with open(out / 'output.txt', 'ab') as output:
        for line in run.stdout.splitlines():
            words = line.split()
            if line.startswith(b'@ ') and len(words) == 3:
                result[words[1].decode()] = int(words[2])
            elif line.startswith(b': '):
                output.write(line[2:] + b'\n')
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('quire')
    parser.add_argument('checkout', type=pathlib.Path)
    parser.add_argument('--host', type=pathlib.Path)
    parser.add_argument('--out', type=pathlib.Path, default=pathlib.Path('ltp-out'))
    parser.add_argument('--only', default='')
    options = parser.parse_args()
    kernel = options.checkout / 'testcases/kernel'
    listed = (pathlib.Path(__file__).parent / 'list.txt').read_text().split()
    tests = [test for test in listed if (kernel / test).is_file()]
    if not tests:
        print(f'{options.checkout}: no built checkout of linux-test-project/ltp: nothing is run')
        return 77
    if options.host and options.host.exists():
        passed = [test for test in options.host.read_text().split() if test in tests]
    else:
        passed = on_host(kernel, tests)
        if options.host:
            options.host.write_text(''.join(test + '\n' for test in passed))
    passed = [test for test in passed if options.only in test]
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    status = {}
    for at in range(0, len(passed), BATCH):
        batch = passed[at:at + BATCH]
        got = in_kernel(options.quire, kernel, batch, options.out)
        status.update({test: got.get(pathlib.Path(test).name, -1) for test in batch})
    others = collections.defaultdict(list)
    for test, value in status.items():
        if value:
            others[value].append(test)
    for value, names in sorted(others.items()):
        print(f'status {value}: ' + ' '.join(names))
    for name, wanted in (('memory tests', is_memory), ('tests', lambda test: True)):
        chosen = [test for test in status if wanted(test)]
        print(f'{sum(status[test] == 0 for test in chosen)} of {len(chosen)} {name} that pass here pass in the reference kernel')
    return 0


if __name__ == '__main__':
    sys.exit(main())
