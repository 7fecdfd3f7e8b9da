#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The public headers, and those of the template and the self-test, in C++: each alone, and every struct by its bare
name. Where a function has the name of a struct, `quire_x value{}` is an error: planted here, it must be one.

  cxx.py ROOT COMPILER..."""
import glob
import os
import re
import subprocess
import sys
import tempfile

FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++"]
INCLUDES = ["include", "ports/template", "ports/selftest"]


def headers(root):
    for folder in INCLUDES:
        for path in sorted(glob.glob(os.path.join(root, folder, "**/*.h"), recursive=True)):
            if "conformance" not in path:
                yield path


def structs(path):
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    return re.findall(r"^struct (\w+) \{", text, re.M)


def compile_text(compiler, root, text):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write(text)
        file.flush()
        words = [compiler] + FLAGS + [f"-I{os.path.join(root, folder)}" for folder in INCLUDES] + [file.name]
        return subprocess.run(words, capture_output=True, text=True)


def main():
    root, compilers = os.path.abspath(sys.argv[1]), sys.argv[2:]
    failed = False
    for compiler in compilers:
        count = 0
        for path in headers(root):
            lines = [f'#include "{path}"', "void use();", "void use()", "{"]
            names = structs(path)
            lines += [f"\t{name} value_{i}{{}};\n\t(void)value_{i};" for i, name in enumerate(names)] + ["}"]
            done = compile_text(compiler, root, "\n".join(lines) + "\n")
            count += len(names)
            if done.returncode:
                print(f"FAILED: {compiler}: {path}\n{done.stderr}")
                failed = True
        seeded = compile_text(compiler, root, '#include <quire/quire.h>\nvoid quire_trap(int);\n'
                              'void use();\nvoid use() { quire_trap t{}; (void)t; }\n')
        if seeded.returncode == 0:
            print(f"FAILED: {compiler}: a function with the name of a struct was not found")
            failed = True
        print(f"{compiler}: {count} structs by their bare names")
    return failed


if __name__ == "__main__":
    sys.exit(main())
