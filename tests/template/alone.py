#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test's own list of sources: each compiles freestanding with the public headers alone, and together they need
the public functions alone. A file that looks into the library, planted in the list, must not compile.

usage: alone.py ROOT LIBRARY CC [ARG...]"""
import os
import re
import subprocess
import sys
import tempfile

PLANTED = 'ports/selftest/conformance/walk.c'
MEMORY = {'memcpy', 'memmove', 'memset', 'memcmp', '_GLOBAL_OFFSET_TABLE_'}


def main():
    root, library, cc = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with open(os.path.join(root, 'ports/selftest/sources.txt'), encoding='utf-8') as lines:
        listed = [line.strip() for line in lines if line.strip() and not line.startswith('#')]
    failures = []
    with tempfile.TemporaryDirectory() as work:
        include = os.path.join(work, 'include')
        os.symlink(os.path.join(root, 'include/quire'), os.path.join(work, 'quire'))
        os.mkdir(include)
        os.rename(os.path.join(work, 'quire'), os.path.join(include, 'quire'))

        def compile_one(source):
            out = os.path.join(work, source.replace('/', '_') + '.o')
            done = subprocess.run([*cc, '-std=c11', '-ffreestanding', '-fno-stack-protector', '-I' + include,
                                   '-I' + os.path.join(root, 'ports/selftest'), '-c', os.path.join(root, source), '-o', out],
                                  capture_output=True, text=True)
            return out if done.returncode == 0 else None, done.stderr

        objects = []
        for source in listed:
            out, said = compile_one(source)
            objects += [out] if out else []
            failures += [] if out else [f'{source}: {said}']
        if not failures:
            linked = os.path.join(work, 'linked.o')
            subprocess.run([*cc, '-nostdlib', '-r', '-o', linked, *objects], check=True)
            opened = {line.split()[-1] for line in
                      subprocess.run(['nm', '-u', linked], check=True, capture_output=True, text=True).stdout.splitlines()}
            public = set(re.findall(r' T (quire_\w+)', subprocess.run(['nm', '-g', library], check=True, capture_output=True,
                                                                     text=True).stdout))
            data = {name for name in opened if re.match(r'__(asan|ubsan|tsan|gcov|llvm|sanitizer)_', name)}
            failures += [f'needs {name}, which is not public' for name in sorted(opened - public - MEMORY - data)]
            print(f'{len(listed)} files, {len(opened & public)} public functions')
        if compile_one(PLANTED)[0]:
            failures.append(f'{PLANTED} compiles without the private headers')
    for line in failures:
        print('FAILED:', line)
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
