#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quire run --references: the distances of a program whose references are known; and what less memory then really costs.

usage: references.py QUIRE WALKER WORK"""
import json
import os
import subprocess
import sys
from pathlib import Path

QUIRE, WALKER, WORK = os.path.abspath(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
failures = 0


def check(good, text, shown=""):
    global failures
    if not good:
        failures += 1
        print("FAILED:", text, str(shown)[:600])


def run(*words, **more):
    return subprocess.run([QUIRE, "run", "--quiet", "--timeout", "400", *words], capture_output=True, text=True, timeout=600,
                          check=False, **more)


def traced(*words):
    """The objects of a run's trace."""
    out = WORK / "trace.json"
    done = run("--trace", str(out), *words)
    check(done.returncode == 0, words, done.stderr)
    return [json.loads(line) for line in out.read_text().splitlines()]


def references(*words):
    found = [line["references"] for line in traced("--references", *words) if "references" in line]
    check(len(found) == 1 and found[0]["source"] == "plugin", f"one line of references: {words}", found)
    return found[0]


def misses_with(found, memory):
    """Between two points of the curve, a straight line."""
    points = found["points"]
    after = next((i for i, point in enumerate(points) if point[0] >= memory), len(points) - 1)
    (from_pages, from_misses), (to_pages, to_misses) = points[max(0, after - 1)], points[after]
    part = (memory - from_pages) / max(1, to_pages - from_pages)
    return from_misses + (to_misses - from_misses) * min(1, part)


def loops():
    """A loop over n pages and the page of its code: each reference but the first of a page has the distance n."""
    for cpus in ("1", "2"):
        found = references("--cpus", cpus, "--", WALKER, "loops")
        fall = {}
        for pages, wanted in ((64, 999 * 64), (20, 499 * 20)):
            below = [misses for size, misses in found["points"] if size <= pages][-1]
            above = [misses for size, misses in found["points"] if size > pages][0]
            fall[pages] = below - above
            # The start of the program, of a few pages, may have such distances too.
            check(wanted <= fall[pages] <= wanted + (2 if pages == 64 else 40), f"{cpus} CPUs, {pages} pages", fall)
        # Code and data take turns: 64,000 and 10,000 accesses, the code's page before each.
        check(found["every"] == 1 and 148000 <= found["references"] <= 170000, "the number of references",
              {key: value for key, value in found.items() if key != "points"})
        print(f"{cpus} CPUs: distances of 64 pages {fall[64]}, of 20 pages {fall[20]}")


def less_memory():
    """The curve, the library on the simulated machine, and the reference kernel with so much memory: within 2 percent."""
    writes, limit = 40000, 40000 / 50
    found = references("--icount", "--", WALKER, "random", "4000", str(writes))
    points = [(curve["name"], memory, misses) for curve in found["policies"]["curves"] for memory, misses in curve["points"]]
    check(len(points) == 8, "two policies at four sizes", points)
    for name, memory, misses in points:
        wanted = misses_with(found, memory)
        check(abs(misses - wanted) < limit, f"{name} replayed with {memory} pages: {wanted:.0f}", misses)
    for mib in (3, 6, 9):
        faults = sum(line.get("outcome") == "resume" for line in traced(
            "--icount", "--mem", "64M", "--mem-limit", f"{mib}M", "--swap", "64M", "--", WALKER, "random", "4000", str(writes)))
        wanted = misses_with(found, mib * 256)
        print(f"{mib} MiB: {wanted:.0f} misses by the curve, {faults} faults in the kernel")
        check(abs(faults - wanted) < limit, f"the kernel with {mib} MiB: {wanted:.0f}", faults)
        check(abs(faults - misses_with(found, mib * 192)) > limit, f"a curve of less memory than {mib} MiB is told apart")


def many():
    """Above a million, those of one page in so many are kept, and the curve says how far it may be off."""
    found = references("--icount", "--", WALKER, "random", "4000", "1600000")
    check(found["references"] > 3200000 and found["every"] >= 2 and 0 < found["error"] < 3, "sampled",
          {key: value for key, value in found.items() if key != "points"})
    # Half of the references are to the code's page, which misses only with hardly any memory.
    for part in (0.25, 0.5, 0.75):
        wanted = 1600000 * (1 - part)
        check(abs(misses_with(found, part * 4000) - wanted) < 3200000 * 0.03, f"{part} of the pages: {wanted:.0f}",
              misses_with(found, part * 4000))


def refusals():
    fake = WORK / "qemu"
    fake.write_text("#!/bin/sh\necho \"qemu: -plugin: invalid option\" >&2\nexit 1\n")
    fake.chmod(0o755)
    trace = ("--trace", str(WORK / "trace.json"), "--references")
    for words, env, said in ((("--references", "--", WALKER, "loops"), {}, "--references: they go into what --report or"),
                             ((*trace, "--arch", "i386", "--", WALKER, "loops"), {}, ""),
                             ((*trace, "--", WALKER, "loops"), {"QUIRE_QEMU": str(fake)},
                              "does not take a plugin for version 1 of its interface")):
        done = run(*words, env={**os.environ, **env})
        check(done.returncode in (125, 126) and said in done.stderr, words, done)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    refusals()
    loops()
    less_memory()
    many()
    print(f"{failures} failures")
    return failures > 0


sys.exit(main())
