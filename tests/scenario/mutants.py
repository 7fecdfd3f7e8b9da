#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks one rule of the library at a time and sees that quire conform finds it and shrinks it.

usage: mutants.py QUIRE-CHECKED [--programs N] [--seed S] [--ops N] [--table]
A rule that this kernel does not have cannot be missed on it: a simulated machine takes the kernel's place.
Exit status 1: a mutant was not found within N programs, or not shrunk to 8 operations."""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


# Mutants of a rule that is a trait: its name, and what it is in the machine that takes the kernel's place.
TRAITS = {"zero-page": ("zero-page", 1), "fault-around": ("fault-around", 65536), "stack-guard": ("stack-gap", 256)}


def lacking(quire):
    """The mutants whose rule this kernel does not have."""
    run = subprocess.run([quire, "conform", "--json", "--programs", "0"], stdout=subprocess.PIPE, check=False)
    traits = json.loads(run.stdout)["traits"]
    return {name for name, (trait, value) in TRAITS.items() if traits[trait] != value}


def names():
    """The mutants that tests/scenario/mutants.txt lists: name, rule."""
    for line in (Path(__file__).parent / "mutants.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, rule = line.split(None, 1)
            yield name, rule


def in_source():
    """The mutants that the library has."""
    found = set()
    for path in (ROOT / "src").rglob("*.[ch]"):
        found |= set(re.findall(r'qr_mutant\([^"()]*(?:\([^()]*\))?[^"()]*"([a-z0-9-]+)"', path.read_text()))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("quire")
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    bad = 0
    listed = dict(names())
    elsewhere = lacking(args.quire)
    missing = set(listed) - in_source()
    if missing:
        print("listed, but not in src/:", *sorted(missing))
        bad += 1
    if args.table:
        print("| mutant | rule that is broken | programs | operations |\n|---|---|---:|---:|")
    for name, rule in listed.items():
        if args.only and name != args.only:
            continue
        command = [args.quire, "conform", "--json", "--jobs", "1", "--differences", "1", "--mutant", name,
                   "--programs", str(args.programs), "--seed", str(args.seed)]
        if name in elsewhere:
            command += ["--stand-in", f"{TRAITS[name][0]}={'yes' if TRAITS[name][1] == 1 else TRAITS[name][1]}"]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            found = json.loads(run.stdout)["differences"]
        except (ValueError, KeyError):
            found = []
        if not found:
            print(f"{name}: not found in {args.programs} programs")
            bad += 1
            continue
        took, ops = found[0]["program"] + 1, found[0]["operations"]
        if ops > 8:
            bad += 1
        if args.table:
            print(f"| `{name}` | {rule} | {took} | {ops} |")
        else:
            place = ", on a machine in the kernel's place" if name in elsewhere else ""
            print(f"{name}: found in program {took}, shrunk to {ops} operations{place}")
        sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
