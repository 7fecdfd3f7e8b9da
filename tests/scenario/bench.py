#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A comparison that differs has no figure in the bench: a line says so, and the bench goes on.

usage: bench.py SOURCE-ROOT"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BENCH = Path(sys.argv[1]) / "bench"
WAYS = [("echo '  9 s with 1 workers: 70 programs a second'; echo '  0 differences'",
         "conform.programs_per_second 70 programs/s\n"),
        ("echo '  9 s with 1 workers: 70 programs a second'; echo '  33 differences'; exit 1",
         "no figure: conform.programs_per_second: not comparable: 33 differences\n"),
        ("echo 'quire conform: this kernel cannot be compared: no pagemap' >&2; exit 2",
         "no figure: conform.programs_per_second: not comparable: "
         "quire conform: this kernel cannot be compared: no pagemap\n")]
failures = 0
for script, expected in WAYS:
    with tempfile.TemporaryDirectory() as folder:
        quire = Path(folder) / "quire"
        quire.write_text("#!/bin/sh\n" + script + "\n")
        quire.chmod(0o755)
        done = subprocess.run([sys.executable, str(BENCH / "run.py"), str(BENCH / "conform.py")],
                              env={**os.environ, "QUIRE": str(quire)}, capture_output=True, text=True, check=False)
    if done.returncode != 0 or done.stdout != expected:
        failures += 1
        print(f"FAILED: {script}: status {done.returncode}, {done.stdout!r} {done.stderr!r}")
print(f"{len(WAYS)} comparisons, {failures} failures")
sys.exit(failures > 0)
