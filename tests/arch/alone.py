#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the library for one architecture at a time, or two of different widths, its codec inlined, and runs the
conformance suite.

usage: alone.py SOURCE_ROOT WORK_DIR CC [ARG...]"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from break_codec import SUITE, Bench  # noqa: E402

# (name of the build, bits of an address, its architectures)
ALONE = (('x86_64', 64, ['x86_64']), ('arm64', 64, ['arm64']), ('arm', 32, ['arm']),
         ('arm64_39_48', 64, ['arm64', 'arm64_39']), ('riscv64_39_48', 64, ['riscv64', 'riscv64_sv48']))


def main():
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    root, work = (os.path.abspath(path) for path in sys.argv[1:3])
    failed = False
    for arch, bits, expected in ALONE:
        more = ['-O2', f'-DQUIRE_ARCH={arch}', f'-DQUIRE_CONFIG_VA_BITS={bits}', '-DQUIRE_CONFIG_CHECK=2']
        bench = Bench(root, os.path.join(work, arch), sys.argv[3:], more)
        suite = [source for source in bench.objects if source.startswith(SUITE)]
        done = subprocess.run([bench.link(bench.objects, 'conformance', suite)], capture_output=True, text=True)
        print(done.stdout + done.stderr, end='')
        # A line for each: the build has no other.
        failed |= done.returncode != 0 or [line.split(':')[0] for line in done.stdout.splitlines()] != expected
    return failed


if __name__ == '__main__':
    sys.exit(main())
