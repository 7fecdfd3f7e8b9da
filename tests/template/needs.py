#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The template and the library together need nothing but machine.h's functions: links them and looks."""
import re
import subprocess
import sys
import tempfile


def main():
    compiler, header, template, selftest, library = sys.argv[1:6]
    declared = set(re.findall(r"\b(machine_\w+)\(", open(header).read()))
    with tempfile.TemporaryDirectory() as folder:
        linked = folder + "/linked.o"
        # Whole archives: an object that nothing asks for is part of the port too.
        subprocess.run([compiler, "-nostdlib", "-r", "-o", linked, "-Wl,--whole-archive", template, selftest,
                        library, "-Wl,--no-whole-archive"], check=True)
        text = subprocess.run(["nm", "-u", linked], check=True, capture_output=True, text=True).stdout
    needed = {line.split()[-1] for line in text.splitlines()}
    memory = {"memcpy", "memmove", "memset", "memcmp"}
    # Position-independent objects name the table that the linker makes.
    wrong = needed - declared - memory - {"_GLOBAL_OFFSET_TABLE_"}
    missing = declared - needed
    for name in sorted(wrong):
        print(f"needed, and not in machine.h: {name}")
    for name in sorted(missing):
        print(f"in machine.h, and never called: {name}")
    print(f"{len(needed & declared)} functions of the kernel, {len(needed & memory)} of memory")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
