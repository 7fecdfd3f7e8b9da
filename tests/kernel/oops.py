#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Oopses of the reference kernel: the system lives on, or panics where it must; quire explain reads them.

usage: oops.py QUIRE GUEST-PROGRAM KERNEL [ARCH]     the kernel with its symbols; x86_64, i386, arm, arm64 or riscv64
"""
import json
import os
import re
import subprocess
import sys
import tempfile

QUIRE, GUEST, KERNEL = sys.argv[1:4]
ARCH = sys.argv[4] if len(sys.argv) > 4 else "x86_64"
checks = 0


def check(what, good, shown=""):
    global checks
    checks += 1
    if not good:
        sys.exit(f"FAIL {what}\n{shown}")


def run(*words, oops="allow", cpus=2):
    return subprocess.run([QUIRE, "run", "--mem", "48M", "--cpus", str(cpus), "--timeout", "1000",
                           "--quiet", "--log", "--oops", oops, "--", GUEST, *words],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=2000)


def explain(log):
    """The faults that are in a log."""
    with tempfile.NamedTemporaryFile("wb") as file:
        file.write(log)
        file.flush()
        done = subprocess.run([QUIRE, "explain", "--json", "--symbols", KERNEL, file.name],
                              capture_output=True)
    check("explain", done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


# Forty oopses, and the system is as it was.
done = run()
check("the system lives", done.returncode == 0 and done.stdout == b"the kernel lives\n",
      done.stdout + done.stderr)
done = run("null-write", oops="fail")
check("an oops fails the run", done.returncode == 125 and b"kernel oops: 1 in this run" in done.stderr,
      done.stderr)

# What a person and `quire explain` read.
REPORTS = {
    "null-read": ("0x10", "read", "not-present"),
    "null-write": ("0x8", "write", "not-present"),
    "null-call": ("0x0", "exec", "not-present"),
    "rodata-write": (None, "write", "permission"),
}
# RISC-V's syndrome does not say which.
CAUSES = {"riscv64": "page-fault"}
# The syndrome, and the instruction.
CODES = {
    "x86_64": {"null-read": ("0x0", "mov"), "null-write": ("0x2", "mov"), "null-call": ("0x10", None),
               "rodata-write": ("0x3", "mov")},
    "arm64": {"null-read": ("0x96000006", "ldr"), "null-write": ("0x96000046", "str"),
              "null-call": ("0x86000006", None), "rodata-write": ("0x9600004f", "str")},
    "arm": {"null-read": ("0x7", "ldr"), "null-write": ("0x807", "str"), "null-call": ("0x80000007", None),
            "rodata-write": ("0x80f", "str")},
    "riscv64": {"null-read": ("0xd", "ld"), "null-write": ("0xf", "s"), "null-call": ("0xc", None),
                "rodata-write": ("0xf", "sb")},
}
# How two of them begin.
HEADS = {
    "x86_64": {"null-read": "BUG: kernel NULL pointer dereference, address: 0000000000000010\n"
                            "#PF: supervisor read access in kernel mode\n"
                            "#PF: error_code(0x0000) - not-present page\n",
               "rodata-write": "BUG: unable to handle page fault for address: "},
    "arm64": {"null-read": "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010\n"
                           "Mem abort info:\n",
              "rodata-write": "Unable to handle kernel write to read-only memory at virtual address "},
    "arm": {"null-read": "8<--- cut here ---\n"
                         "Unable to handle kernel NULL pointer dereference at virtual address 00000010 when read\n",
            "rodata-write": "Unable to handle kernel paging request at virtual address "},
    "riscv64": {"null-read": "Unable to handle kernel access to user memory without uaccess routines at virtual address "
                             "0000000000000010\nOops [#1]\n",
                "rodata-write": "Unable to handle kernel paging request at virtual address "},
}
OVERFLOW = {"x86_64": (b"Oops: double fault: 0000 [#1]", b"kernel panic: double fault (kernel stack overflow?)"),
            "arm64": (b"Internal error: Oops - ", b"kernel panic: kernel stack overflow"),
            "riscv64": (b"Oops - ", b"kernel panic: kernel stack overflow")}
OVERFLOW["arm"] = (b"Internal error: Oops - bad mode: 0 [#1] SMP ARM", OVERFLOW["arm64"][1])
CODES["i386"] = CODES["x86_64"]
HEADS["i386"] = {word: head.replace("0000000000000010", "00000010") for word, head in HEADS["x86_64"].items()}
OVERFLOW["i386"] = OVERFLOW["x86_64"]
for word, (address, access, cause) in REPORTS.items():
    code, instruction = CODES[ARCH][word]
    done = run(word, cpus=1)
    check(word, done.returncode == 137, done.stderr)
    found = explain(done.stderr)
    check(f"{word}: one fault", len(found) == 1, found)
    fault = found[0]
    check(f"{word}: address", address is None or int(fault["address"], 16) == int(address, 16), fault)
    check(f"{word}: access",
          (fault["access"], fault["mode"], fault["cause"]) == (access, "kernel", CAUSES.get(ARCH, cause)), fault)
    check(f"{word}: code", int(fault["code"], 16) == int(code, 16), fault)
    check(f"{word}: task", fault["task"] == os.path.basename(GUEST) and fault["pid"], fault)
    check(f"{word}: outcome", fault["outcome"] == "oops" and fault["profile"] == "linux-6", fault)
    if instruction:
        check(f"{word}: instruction", fault["instruction"].startswith(instruction), fault)
        check(f"{word}: function", fault["function"] == word.replace("-", "_"), fault)
    # The library's own way is in the report; the one that explain finds from the code alone ends likewise.
    way = re.search(rb"quire: by the rules of linux-6: (.*)\n", done.stderr)
    check(f"{word}: way", way and way[1].split()[-1] == b"oops" == fault["way"][-1].encode(), done.stderr)
    check(f"{word}: head", HEADS[ARCH].get(word, "").encode() in done.stderr, done.stderr)
    trace = re.search(rb"Call Trace:\n <TASK>\n((?: 0x[0-9a-f]+\n)+) </TASK>\n", done.stderr)
    check(f"{word}: a whole call trace", trace, done.stderr)

# Where others would wait for the task for ever, the machine ends.
done = run("stack-overflow")
check("stack-overflow", done.returncode == 125 and all(line in done.stderr for line in OVERFLOW[ARCH]), done.stderr)
PANICS = {
    "null-write spinlock": "under a spinlock", "invalid-opcode spinlock": "under a spinlock",
    "null-write irq-off": "with interrupts off", "null-write mutex": "with a mutex held",
    "null-write queue": "in a wait queue", "library-write call": "inside the library",
    "wild-jump": "with callers that are not known",
}
for words, why in PANICS.items():
    done = run(words)
    check(words, done.returncode == 125 and f"kernel panic: Fatal exception {why}".encode() in done.stderr,
          done.stderr)
done = run("null-write", oops="panic")
check("oops=panic",
      done.returncode == 125 and b"kernel panic: Fatal exception, and oops=panic" in done.stderr,
      done.stderr)
done = run("sysrq", "c")
check("sysrq", done.returncode == 125 and b"kernel panic: sysrq triggered crash" in done.stderr, done.stderr)
print(f"{checks} checks")
