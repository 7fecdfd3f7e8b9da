#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the tree in every flavour that is tested, runs the tests, and counts them.

A flavour is a Meson build directory; a test is a Meson test. Of a cmocka program every case counts,
of any other program the whole. Exit status 77 is a skip, and its last line says why; what a test leaves out
on this machine is named like a skip. The last line of
the output is 'N passed, N failed, N skipped'.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Name, compiler, Meson options, suites to leave out, suites to run alone (none: all), targets (none: all).
FLAVOURS = [
    ("gcc-asan", "gcc", ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dkernel=false"],
     ["kernel", "slow", "once", "plain"], [], []),
    ("clang", "clang", ["-Dkernel=false"], ["kernel", "slow", "once"], [], []),
    ("gcc", "gcc", [], [], [], []),
    ("tsan", "clang", ["-Db_sanitize=thread", "-Db_lundef=false", "-Dkernel=false"], [], ["threads"],
     ["tests/page/test-page-threads", "tests/page/test-page-threads-short", "tests/sim/test-sim-threads"]),
]

CMOCKA = {
    "passed": re.compile(r"^\[  PASSED  \] (\d+) test", re.M),
    "failed": re.compile(r"^\[  FAILED  \] (\d+) test", re.M),
    "skipped": re.compile(r"^\[  SKIPPED \] (\d+) test", re.M),
}


# A part of a test that was left out, and why: 'NAME: left out: REASON', or in TAP 'ok N - NAME # SKIP REASON'.
LEFT_OUT = re.compile(r"^(?:ok \d+ - )?(\S+(?:: left out: | # SKIP ).*)$", re.M)


def say(text):
    print(text, flush=True)


def command(words, env=None, quiet=True):
    done = subprocess.run(words, cwd=ROOT, env=env, text=True, errors="replace",
                          stdout=subprocess.PIPE if quiet else None,
                          stderr=subprocess.STDOUT if quiet else None)
    if done.returncode != 0 and quiet:
        sys.stdout.write(done.stdout[-20000:])
    return done.returncode


def build(name, compiler, options, targets, jobs):
    folder = os.path.join(ROOT, "build-test-" + name)
    env = dict(os.environ, CC=compiler)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        if command(["meson", "setup", folder] + options, env) != 0:
            return None
    return folder if command(["ninja", "-C", folder, "-k", "0", "-j", str(jobs)] + targets, env) == 0 else None


def count(entry):
    """(passed, failed, skipped, reasons) of one Meson test."""
    out = (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")
    totals = {kind: sum(int(n) for n in pattern.findall(out)) for kind, pattern in CMOCKA.items()}
    result = entry["result"]
    if result == "SKIP":
        lines = [line for line in out.strip().splitlines() if line.strip()]
        return 0, 0, 1, [f"{entry['name']}: {lines[-1] if lines else 'no reason given'}"]
    left_out = [f"{entry['name']}: {line}" for line in LEFT_OUT.findall(out)]
    if result not in ("OK", "EXPECTEDFAIL"):
        return totals["passed"], max(1, totals["failed"]), totals["skipped"], []
    if sum(totals.values()) == 0:
        return 1, 0, len(left_out), left_out
    reasons = [line.strip() for line in out.splitlines() if line.startswith("SKIP:")]
    return totals["passed"], totals["failed"], totals["skipped"], reasons


def say_seeds(log):
    """The programs that were compared with Linux are new each time: what makes them again is printed."""
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            for out in (json.loads(line).get("stdout") or "").splitlines():
                if out.startswith("quire conform ") or re.match(r"\s+\d+ differences$", out):
                    say("   " + out.strip())


def run(name, folder, leave_out, only, jobs):
    words = ["meson", "test", "-C", folder, "--no-rebuild", "--num-processes", str(jobs), "--print-errorlogs"]
    for suite in leave_out:
        words += ["--no-suite", suite]
    for suite in only:
        words += ["--suite", suite]
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:halt_on_error=1:abort_on_error=0")
    env.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    env["MESON_TESTTHREADS"] = str(jobs)
    log = os.path.join(folder, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    code = command(words, env, quiet=False)
    if not os.path.exists(log):
        say(f"{name}: no tests ran")
        return 0, 1, 0, []
    totals = [0, 0, 0]
    reasons = []
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            passed, failed, skipped, why = count(json.loads(line))
            totals[0] += passed
            totals[1] += failed
            totals[2] += skipped
            reasons += why
    say_seeds(log)
    if code != 0 and totals[1] == 0:
        totals[1] = 1
    return totals[0], totals[1], totals[2], reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--flavour", action="append", help="only this one; may be repeated")
    parser.add_argument("--suite", action="append", default=[], help="only this suite; may be repeated")
    arguments = parser.parse_args()
    totals = [0, 0, 0]
    reasons = []
    for name, compiler, options, leave_out, alone, targets in FLAVOURS:
        if arguments.flavour and name not in arguments.flavour:
            continue
        start = time.monotonic()
        say(f"== {name}: building")
        folder = build(name, compiler, options, targets, arguments.jobs)
        if folder is None:
            say(f"== {name}: does not build")
            totals[1] += 1
            continue
        say(f"== {name}: built in {time.monotonic() - start:.0f} s; testing")
        passed, failed, skipped, why = run(name, folder, leave_out, arguments.suite or alone, arguments.jobs)
        say(f"== {name}: {passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - start:.0f} s")
        totals = [a + b for a, b in zip(totals, (passed, failed, skipped))]
        reasons += [f"{name}: {reason}" for reason in why]
    for reason in reasons:
        say(f"skipped: {reason}")
    say(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
