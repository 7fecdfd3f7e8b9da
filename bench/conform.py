#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs per second that `quire conform` generates, runs on both machines and compares, with one worker.

  conform.py list | run NAME      the interface that run.py uses; the variable QUIRE is the path of the command
"""
import os
import re
import subprocess
import sys

NAME = "conform.programs_per_second"


def main():
    if sys.argv[1:] == ["list"]:
        print(f"{NAME} programs/s 1")
        return
    if sys.argv[1:] != ["run", NAME]:
        sys.exit(f"usage: conform.py list | run {NAME}")
    done = subprocess.run([os.environ.get("QUIRE", "quire"), "conform", "--programs", "1500", "--seed", "1", "--jobs", "1"],
                          capture_output=True, text=True)
    found = re.search(r"(\d+) programs a second", done.stdout)
    differences = re.search(r"^  (\d+) differences$", done.stdout, re.M)
    # Differences are for the tests to find, not for this bench: it reports them and gives no figure.
    if done.returncode != 0 or not found:
        told = done.stderr.strip().splitlines()[-1:] or [f"{differences.group(1) if differences else 'no'} differences"]
        sys.exit(f"not comparable: {told[0]}")
    print(found.group(1))


if __name__ == "__main__":
    main()
