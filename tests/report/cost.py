#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a record of each fault costs the guest: instructions of a run with --report and without, counted by QEMU.

usage: cost.py QUIRE FAULTER WORK

Prints a row for each run of the table in docs/report.md. The counts are those of this build; the limits leave room for
other compilers: a program that does nothing but fault pays less than 30 percent, one that also computes less than 6."""
import json
import os
import subprocess
import sys
from pathlib import Path

QUIRE, FAULTER, WORK = os.path.abspath(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
SHELL = "for i in 1 2 3 4 5 6 7 8; do ls -l /bin >/dev/null; md5sum /bin/busybox >/dev/null; done"
RUNS = (("perl", 6, ["/usr/bin/perl", "-e", "my %h; $h{$_} = $_ for 1..30000"]),
        ("sh, ls, md5sum", 6, ["/bin/busybox", "sh", "-c", SHELL]),
        ("1,000 pages, 3,000 loops", 6, [FAULTER, "1000", "3000"]),
        ("10,000 pages, no loops", 30, [FAULTER, "10000", "0"]))


def instructions(program, *options):
    """Of the guest, from its first to its last; and its faults."""
    out = WORK / "run.json"
    subprocess.run([QUIRE, "run", "--icount", "--quiet", "--timeout", "400", "--json", str(out), *options, "--", *program],
                   check=True, timeout=600, stdout=subprocess.DEVNULL)
    run = json.loads(out.read_text())
    return run["time_ns"], run["minor"] + run["major"]


def main():
    failures = 0
    WORK.mkdir(parents=True, exist_ok=True)
    for name, limit, program in RUNS:
        if not os.path.exists(program[0]):
            print(f"skipped: {program[0]} is not here")
            continue
        plain, faults = instructions(program)
        traced, _ = instructions(program, "--trace", str(WORK / "trace.json"))
        percent = 100 * traced / plain - 100
        print(f"{name}: {faults} faults, {plain / 1e6:.1f} M without, {traced / 1e6:.1f} M traced, {percent:+.1f} %,"
              f" {(traced - plain) / faults:.0f} a fault")
        # Two runs of a shell differ by a few hundred instructions a fault. Much less than nothing: they were not the same.
        if not -1 < percent < limit:
            failures += 1
            print(f"FAILED: {name}: not between -1 and {limit} percent")
    (WORK / "trace.json").unlink()
    print(f"{failures} failures")
    return failures > 0


sys.exit(main())
