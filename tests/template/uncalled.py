#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds a member to struct quire_host that nothing calls: contract.c, compiled with it, must fail and name it.

usage: uncalled.py ROOT LIBRARY DEFINES CC [ARG...]      DEFINES: how the library was compiled, joined by spaces"""
import os
import shutil
import subprocess
import sys
import tempfile


def main():
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    root, library, defines, cc = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3].split(), sys.argv[4:]
    with tempfile.TemporaryDirectory() as folder:
        include = os.path.join(folder, 'include')
        shutil.copytree(os.path.join(root, 'include'), include)
        header = os.path.join(include, 'quire/port/host.h')
        text = open(header).read()
        last = '\tbool (*mutant)(void *host, const char *name);\n'
        if text.count(last) != 1:
            sys.exit('host.h does not end its struct as this script expects')
        with open(header, 'w') as out:
            out.write(text.replace(last, last + '\tvoid (*seeded)(void *host);\n'))
        program = os.path.join(folder, 'contract')
        paths = ['-I' + include] + ['-I' + os.path.join(root, part) for part in ('src', 'arch', '.')]
        subprocess.run([*cc, '-std=gnu11', *defines, *paths, os.path.join(root, 'tests/template/contract.c'), library,
                        '-o', program], check=True)
        done = subprocess.run([program], capture_output=True, text=True)
    print(done.stdout, end='')
    found = 'of struct quire_host (unknown to this test) is never called' in done.stdout
    if done.returncode == 0 or not found:
        print('FAILED: a member that nothing calls was not found')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
