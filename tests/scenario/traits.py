#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Traits at the command line: comparisons with a machine in the kernel's place, scenarios that need a
trait, and an unknown trait that is told in one line.

usage: traits.py QUIRE-CHECKED SCENARIOS [--programs N]     N for each trait (default 40)"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

QUIRE, SCENARIOS = sys.argv[1], Path(sys.argv[2])
PROGRAMS = sys.argv[4] if len(sys.argv) > 4 else "40"
failures = 0

COMPARED = ["zero-page=yes", "zero-page=no", "protect-upgrades=no", "fault-around=no", "fault-around=32768",
            "fault-around=131072", "stack-gap=no", "stack-gap=16", "top-down=no", "overcommit=no", "min-addr=4096",
            "mappings=20", "stack-limit=5", "memlock-limit=4", "memlock-limit=no", "nx=no", "execute-only=yes",
            "remote=no", "disk=no", "mergeable=no", "huge-advice=no",
            "zero-page=no,fault-around=16384,top-down=no,remote=no"]
NOT_COMPARED = {"counts=no": "no fault counts", "pagemap=no": "no pagemap",
                "first-write=16": "first write brings 16 pages",
                "first-shared=512": "first write of shared memory brings 512 pages or more"}


def check(good, text):
    global failures
    if not good:
        failures += 1
        print("FAILED:", text)


def run(*arguments):
    return subprocess.run([QUIRE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def conform(*arguments):
    done = run("conform", "--json", "--quiet", "--seed", "3", *arguments)
    return json.loads(done.stdout)


def number(text):
    return {"yes": 1, "no": 0}.get(text) if text in ("yes", "no") else int(text)


def comparisons():
    for traits in COMPARED:
        found = conform("--programs", PROGRAMS, "--stand-in", traits)
        check(not found["differences"] and found["programs"] == int(PROGRAMS), f"{traits}: {found['differences']}")
        for pair in traits.split(","):
            name, value = pair.split("=")
            check(found["traits"][name] == number(value), f"{traits}: {name} probed as {found['traits'][name]}")
    for trait, why in NOT_COMPARED.items():
        done = run("conform", "--stand-in", trait)
        check(done.returncode == 2 and done.stderr == f"quire conform: this kernel cannot be compared: {why}\n",
              f"{trait}: status {done.returncode}, {done.stderr!r}")


def profiles():
    """The simulated side under each profile, a machine of that profile in the kernel's place; and a kernel that is
    of another one."""
    for profile in ("linux-2.4", "linux-2.6", "linux-4.14", "linux-6"):
        found = conform("--programs", PROGRAMS, "--profile", profile, "--stand-in", "zero-page=yes")
        check(found["profile"] == profile and not found["differences"], f"{profile}: {found['differences']}")
    done = run("conform", "--quiet", "--profile", "linux-2.4", "--seed", "3", "--programs", "100")
    check(done.returncode == 1 and " against linux-2.4 on x86_64\n" in done.stdout, f"linux-2.4: {done.stdout}")
    check("\n  the profile of this kernel is linux-6: what changed since shows as differences\n" in done.stdout,
          f"linux-2.4 on another kernel: {done.stdout}")
    check("major" in done.stdout, "the first access to a page of a file is major in 2.4")
    done = run("conform", "--profile", "linux-5")
    check(done.returncode == 2 and "no such profile" in done.stderr, f"a profile that is none: {done.stderr}")
    done = run("conform", "--profile", "linux-2.4", "--record", "/dev/null")
    check(done.returncode == 2 and "linux-6 alone" in done.stderr, f"recording an old profile: {done.stderr}")


def unknown_traits():
    """A trait that no probe finds: the simulated side is made without it."""
    found = conform("--programs", "2000", "--stand-in", "zero-page=no", "--trait", "zero-page=yes")
    check(len(found["differences"]) == 1 and found["differences"][0]["operations"] <= 3, "one is shrunk")
    check(found["programs"] < 2000, "it stops")
    check("differences follow a read of private memory, most of them in residency: a trait" in found["common"],
          f"the line: {found['common']!r}")
    found = conform("--programs", "200", "--stand-in", "top-down=no", "--trait", "top-down=yes")
    check("follow a map, most of them in address" in found["common"], f"the line: {found['common']!r}")
    # A rule that few programs meet is no trait: each difference is shrunk.
    found = conform("--programs", "60", "--jobs", "1", "--mutant", "truncate-keeps-mapped", "--stand-in", "zero-page=yes")
    check(found["common"] == "" and found["differences"], "a rule of few programs")


def scenarios():
    for traits in COMPARED:
        done = run("try", "--quiet", "--trait", traits, str(SCENARIOS))
        check(done.returncode == 0, f"scenarios with {traits}: {done.stdout}")
    text = (SCENARIOS / "first-read.scn").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unneeding.scn"
        path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("needs")) + "\n")
        check(run("try", "--quiet", "--trait", "zero-page=no", str(path)).returncode == 1, "without its 'needs'")
    done = run("try", "--trait", "zero-page=no", str(SCENARIOS / "first-read.scn"))
    check(done.stdout.endswith("first-read.scn: left out: this machine has no zero page\n"), done.stdout)


comparisons()
profiles()
unknown_traits()
scenarios()
print(f"{len(COMPARED)} sets of traits, {failures} failures")
sys.exit(failures > 0)
