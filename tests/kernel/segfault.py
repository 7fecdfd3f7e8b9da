#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the reference kernel logs of a program that dies of SIGSEGV, read back by quire explain.

usage: segfault.py QUIRE GUEST-PROGRAM [ARCH]     x86_64, i386, arm, arm64 or riscv64"""
import json
import os
import subprocess
import sys
import tempfile

QUIRE, GUEST = sys.argv[1:3]
ARCH = sys.argv[3] if len(sys.argv) > 3 else "x86_64"
NAME = os.path.basename(GUEST)

# How it dies: address, access, cause, error code, what the instruction is, where; None: any. Linux prints no address
# on ARM64. A fetch from a page that is not there yet is refused by the mapping on ARM64; x86 brings the page first.
DEATHS = {
    "x86_64": {
        "null-write": (0x10, "write", "not-present", 0x6, "mov dword ptr [0x10], 1", NAME),
        "const-write": (None, "write", "permission", 0x7, "mov dword ptr", NAME),
        "jump": (0x123456, "exec", "not-present", 0x14, None, None),
        "data-jump": (None, "exec", "permission", 0x15, None, None),
        "stack": (None, "write", "not-present", 0x6, None, NAME),
    },
    "arm64": {
        "null-write": (None, "write", "not-present", 0x92000046, "str", NAME),
        "const-write": (None, "write", "permission", 0x9200004f, "str", NAME),
        "jump": (None, "exec", "not-present", 0x82000006, None, None),
        "data-jump": (None, "exec", "not-present", 0x82000007, None, None),
        "stack": (None, "write", "not-present", 0x92000047, "st", NAME),
    },
    "arm": {
        "null-write": (0x10, "write", "not-present", 0x807, "str", None),
        "const-write": (None, "write", "permission", 0x80f, "str", None),
        "jump": (0x123456, "exec", "not-present", 0x80000007, None, None),
        "data-jump": (None, "exec", "not-present", 0x80000007, None, None),
        "stack": (None, "write", "not-present", 0x807, "str", None),
    },
    # A cause tells the access alone: whether something was mapped there only the tables would tell.
    "riscv64": {
        "null-write": (0x10, "write", "page-fault", 0xf, "sw", NAME),
        "const-write": (None, "write", "page-fault", 0xf, "sw", NAME),
        "jump": (0x123456, "exec", "page-fault", 0xc, None, None),
        "data-jump": (None, "exec", "page-fault", 0xc, None, None),
        "stack": (None, "write", "page-fault", 0xf, "s", NAME),
    },
}
# Without NX data runs.
DEATHS["i386"] = {how: DEATHS["x86_64"][how] for how in DEATHS["x86_64"] if how != "data-jump"}
DEATHS = DEATHS[ARCH]
LEVEL = {"x86_64": 0, "i386": 0, "arm": 2, "arm64": 3, "riscv64": 0}[ARCH]  # bits of the code: the table where the walk ended, which depends on places
LINE = {"x86_64": b"segfault at", "i386": b"segfault at", "arm": b"unhandled page fault", "arm64": b"unhandled exception: ",
        "riscv64": b"unhandled signal 11 "}[ARCH]


def run(how):
    return subprocess.run([QUIRE, "run", "--mem", "48M", "--timeout", "600", "--quiet", "--log", "--", GUEST, how],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=1200, check=False)


def explain(log):
    with tempfile.NamedTemporaryFile("wb") as file:
        file.write(log)
        file.flush()
        done = subprocess.run([QUIRE, "explain", "--json", file.name], capture_output=True, check=False)
    return json.loads(done.stdout or b"[]")


def check(what, good, shown):
    if not good:
        sys.exit(f"FAIL {what}\n{shown}")


for how, (address, access, cause, code, instruction, place) in DEATHS.items():
    done = run(how)
    check(f"{how}: status", done.returncode == 139, done.stderr)
    found = explain(done.stderr)
    check(f"{how}: one fault", len(found) == 1, done.stderr)
    fault = found[0]
    check(f"{how}: address", address is None or int(fault["address"], 16) == address, fault)
    check(f"{how}: access", (fault["access"], fault["mode"], fault["cause"]) == (access, "user", cause), fault)
    check(f"{how}: code", int(fault["code"], 16) | LEVEL == code | LEVEL, fault)
    check(f"{how}: task", fault["task"] == NAME[:15] and fault["pid"], fault)
    check(f"{how}: outcome", fault["outcome"] == "signal", fault)
    check(f"{how}: instruction", not instruction or fault["instruction"].startswith(instruction), fault)
    check(f"{how}: place", not place or fault["object"] == place and int(fault["object_offset"], 16) < 0x100000, fault)

done = run("handled")
check("a program that handles it", done.returncode == 5 and LINE not in done.stderr, done.stderr)
done = run("often")
check("no more than ten in five seconds", done.returncode == 0 and done.stderr.count(LINE) == 10,
      done.stderr)
print(f"{len(DEATHS)} deaths explained")
