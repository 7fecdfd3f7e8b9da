#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The emulator of ports/emulator: at most 200 lines, built with each compiler, and right to the last count.

  emulator.py ROOT LIBRARY COMPILER..."""
import os
import subprocess
import sys
import tempfile

COUNTS = """\
i386: 38 accesses, 65 walks, 32 faults, 7 zero-page, 10 fresh, 5 copy, 8 reuse, 2 signals
x86_64: 38 accesses, 65 walks, 32 faults, 7 zero-page, 10 fresh, 5 copy, 8 reuse, 2 signals
arm: 38 accesses, 68 walks, 34 faults, 2 none, 7 zero-page, 10 fresh, 5 copy, 8 reuse, 2 signals
arm64: 38 accesses, 68 walks, 34 faults, 2 none, 7 zero-page, 10 fresh, 5 copy, 8 reuse, 2 signals
arm64_16k: 38 accesses, 30 walks, 16 faults, 1 none, 4 zero-page, 3 fresh, 3 copy, 3 reuse, 2 signals
riscv64: 38 accesses, 70 walks, 34 faults, 2 none, 7 zero-page, 10 fresh, 5 copy, 8 reuse, 2 signals
"""
ARCHES = ["i386", "x86_64", "arm", "arm64", "arm64_16k", "riscv64"]


def run(words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAILED: {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    root, library, compilers = sys.argv[1], sys.argv[2], sys.argv[3:]
    folder = os.path.join(root, "ports/emulator")
    source, trace = os.path.join(folder, "emulator.cpp"), os.path.join(folder, "shell.trace")
    with open(source, encoding="utf-8") as file:
        lines = len(file.readlines())
    if lines > 200:
        sys.exit(f"FAILED: emulator.cpp has {lines} lines")
    with tempfile.TemporaryDirectory() as work:
        for compiler in compilers:
            program = os.path.join(work, "emulator")
            run([compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{root}/include", source,
                 library, "-o", program])
            counts = "".join(run([program, arch, trace]) for arch in ARCHES)
            if counts != COUNTS:
                sys.exit(f"FAILED: {compiler}: the counts are\n{counts}")
            print(compiler + ": " + run([program, "x86_64", "loop", "1000000"]).splitlines()[0])
    print(f"{lines} lines, {len(ARCHES)} architectures")


if __name__ == "__main__":
    main()
