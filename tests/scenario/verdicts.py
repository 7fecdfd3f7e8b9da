#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What quire try says at the command line: verdicts, exit statuses, skips, refusals, as text and as JSON.

usage: verdicts.py QUIRE"""
import json
import os
import subprocess
import sys
import tempfile

QUIRE = os.path.abspath(sys.argv[1])
failures = 0

# The scenario, exit status, exit status with --allow-skips, the lines printed.
VERDICTS = [
    ("A = map 1p rw -> ok\n", 0, 0, ["x.scn: passed, 1 operations"]),
    ("A = map 1p rw -> EINVAL\n", 1, 1,
     ["x.scn:1: A = map 1p rw private: expected EINVAL, got ok", "x.scn: failed: 1 expectations not met"]),
    ("read arena+20000p -> value 77\n", 3, 0,
     ["x.scn:1: skipped: read arena+20000p: its range leaves the arena, the heap and the lowest 512 KiB",
      "x.scn: skipped: 1 of 1 operations; the rest passed"]),
    # A failure counts more than a skip.
    ("read arena+20000p\nread arena -> ok\n", 1, 1,
     ["x.scn:1: skipped: read arena+20000p: its range leaves the arena, the heap and the lowest 512 KiB",
      "x.scn:2: read arena: expected ok, got SIGSEGV MAPERR", "x.scn: failed: 1 expectations not met"]),
    ("A = map 0 rw\nread A -> ok\n", 3, 0,
     ["x.scn:2: skipped: read A: the map of a name in it has failed",
      "x.scn: skipped: 1 of 2 operations; the rest passed"]),
]

# The bytes of the file, what standard error has.
REFUSED = [
    (b"", "x.scn: the scenario has no operations"),
    (b"# only this\nfile f shm 1p\n", "x.scn: the scenario has no operations"),
    (b"\xff\xfer\0e\0", "x.scn:1:1: the text is UTF-16; a scenario is UTF-8"),
    (b"A = mapp 1p rw\nread B\n", "x.scn:1:5: not an operation: 'mapp'; did you mean 'map'?\n    here may stand: map,"),
    (b"A = mapp 1p rw\nread B\n", "x.scn:2:6: no mapping of that name so far: 'B'\n    here may stand: arena, heap,"),
]

STORE = "A = map 1p rw\nwrite A = 1\nevict A 1p\nread A -> major 1\nwrite A = 2\n"


def check(good, text, shown=""):
    global failures
    if not good:
        failures += 1
        print("FAILED:", text, shown)


def quire(*arguments):
    return subprocess.run([QUIRE, "try", *arguments], capture_output=True, text=True, timeout=600, check=False)


def write(content):
    with open("x.scn", "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def verdicts():
    for text, status, allowed, lines in VERDICTS:
        write(text)
        result = quire("x.scn")
        check(result.returncode == status, f"{text!r}: status {result.returncode}")
        check(result.stdout.splitlines() == lines, f"{text!r}: said", result.stdout)
        check(quire("--allow-skips", "x.scn").returncode == allowed, f"{text!r} with --allow-skips")
        told = json.loads(quire("--json", "x.scn").stdout)[0]
        word = lines[-1].split(": ")[1].split(",")[0]
        check(told["verdict"] == word and told["passed"] == (word == "passed"), f"{text!r} as JSON", told["verdict"])
        skipped = [f"{told['file']}:{skip['line']}: skipped: {skip['operation']}: {skip['text']}"
                   for skip in told["skipped"]]
        check(skipped == [line for line in lines[:-1] if ": skipped: " in line], f"{text!r}: skips as JSON", skipped)


def refusals():
    for content, text in REFUSED:
        write(content)
        result = quire("x.scn")
        check(result.returncode == 2 and text in result.stderr, f"{content!r}", result.stderr)
    write(b"\xef\xbb\xbfread arena -> SIGSEGV MAPERR\n")
    check(quire("x.scn").returncode == 0, "a byte order mark of UTF-8")
    for option in (["--arch", "arm"], ["--profile", "linux-2.4"], ["--mem", "64M"], ["--cpus", "2"], ["--trace"], ["--draw"]):
        result = quire("--on", "host", *option, "x.scn")
        check(result.returncode == 2 and "for the simulated machine: --on host" in result.stderr, f"{option}",
              result.stderr)


def drawing():
    write("A = map 3p rw\nwrite A x2 = 1\nfork child\nchild: unmap A+1p 1p\n")
    lines = quire("--draw", "x.scn").stdout.splitlines()
    check(lines[1].startswith("    pages: . not there, # its own, = shared after a fork"), "the legend", lines)
    after = {lines[i - 1]: lines[i + 1] for i, line in enumerate(lines) if line.startswith("  = ")}
    check(after["A = map 3p rw private"] == "    main     A               rw-p ...", "a new mapping", lines)
    check(after["write A x2 = 1"] == "    main     A               rw-p ##.", "two pages written", lines)
    check(after["fork child"] == "    main     A               rw-p ==.", "after the fork", lines)
    at = lines.index("child: unmap A+1p 1p")
    check(lines[at + 2:at + 5] == ["    main     A               rw-p =#.", "    child    A               rw-p =",
                                   "    child                    rw-p ."], "what the child unmapped is the parent's own", lines)
    check(all(len(line) <= 80 for line in lines), "80 columns")


def the_host():
    """What the running kernel cannot do is named, and so is the rest that depends on it."""
    write(STORE)
    check(quire("x.scn").returncode == 0, "the simulated machine evicts")
    result = quire("--on", "host", "x.scn")
    lines = result.stdout.splitlines()
    check(result.returncode == 3 and len(lines) == 3, "the host does not", result.stdout + result.stderr)
    check(lines[0].startswith("x.scn:3: skipped: evict A 1p: evict, pressure, swapoff, store: "), "the reason", lines)
    check(lines[1:] == ["x.scn: skipped: 2 more operations: each comes after that one",
                        "x.scn: skipped: 3 of 5 operations; the rest passed"], "the rest", lines)


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        verdicts()
        refusals()
        drawing()
        the_host()
    print(f"{len(VERDICTS)} verdicts, {failures} failures")
    return failures > 0


sys.exit(main())
