#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the parts of the page as arrays of C.

usage: embed.py HTML CSS SCRIPT D3|none > page_parts.h"""
import sys


def array(name, path):
    text = b"" if path == "none" else open(path, "rb").read()
    if name == "page_d3":
        # Nothing in a script may end its element.
        assert b"</script" not in text, path
    lines = [",".join(str(byte) for byte in text[at:at + 24]) for at in range(0, len(text), 24)]
    print(f"static const unsigned char {name}[] = {{")
    print(",\n".join(lines + ["0"]))
    print("};")


print("/* SPDX-License-Identifier: MIT */")
print("/* The parts of the page; written by embed.py. */")
for part, source in zip(("page_html", "page_css", "page_js", "page_d3"), sys.argv[1:]):
    array(part, source)
