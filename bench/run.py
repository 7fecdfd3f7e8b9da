#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of each bench with callgrind; prints a table, writes JSON.

A bench program has two commands:

  PROGRAM list        a line for each bench: NAME UNIT OPERATIONS FUNCTION...
  PROGRAM run NAME    runs one

The value is the number of instructions executed inside the functions, including their callees, divided
by the number of operations. The same build gives the same value on any machine. A line whose unit is
not "instructions" is run without callgrind; the program then prints the value itself.

A build directory means all the benches in it: they are built, and bench.json is written there.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile


def collected(program, name, functions):
    """The instructions that callgrind counts inside `functions` while `name` runs."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += [f"--toggle-collect={function}" for function in functions]
        done = subprocess.run(command + [program, "run", name], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{program} run {name}: failed\n{done.stderr}")
        found = re.search(r"Collected : (\d+)", done.stderr)
    if not found:
        sys.exit(f"{program} run {name}: callgrind printed no count\n{done.stderr}")
    count = int(found.group(1))
    if count == 0:
        sys.exit(f"{program} run {name}: none of {' '.join(functions)} was called")
    return count


class NoFigure(Exception):
    """A bench that has no value on this machine, and why."""


def measure(program, line):
    """One line of `list`: (name, value, unit)."""
    name, unit, operations, *functions = line.split()
    if unit == "instructions":
        return name, round(collected(program, name, functions) / int(operations), 1), unit
    done = subprocess.run([program, "run", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoFigure(f"{name}: {(done.stderr.strip() or done.stdout.strip() or 'failed').splitlines()[-1]}")
    return name, float(done.stdout), unit


GUEST = "bench-guest"  # kernel.py runs this one in the reference kernel


def programs_of(build):
    """Builds the benches of a build directory and returns them."""
    done = subprocess.run(["ninja", "-C", build, "bench-programs"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    folder = os.path.join(build, "bench")
    os.environ["QUIRE"] = os.path.abspath(os.path.join(build, "quire"))
    scripts = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "conform.py")]
    return scripts + [entry.path for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
                      if entry.name.startswith("bench-") and entry.name != GUEST
                      and entry.is_file() and os.access(entry.path, os.X_OK)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", help="bench programs, or a build directory")
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument("--only", metavar="TEXT", default="", help="benches whose name has TEXT in it")
    options = parser.parse_args()

    programs = []
    for program in options.programs:
        if os.path.isdir(program):
            programs += programs_of(program)
            options.json = options.json or os.path.join(program, "bench.json")
        else:
            programs.append(program)

    results = []
    for program in programs:
        program = os.path.abspath(program)
        listed = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            if options.only not in line.split()[0]:
                continue
            try:
                name, value, unit = measure(program, line)
            except NoFigure as why:
                print(f"no figure: {why}", flush=True)
                continue
            results.append({"name": name, "value": value, "unit": unit})
            print(f"{name} {value:g} {unit}", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
