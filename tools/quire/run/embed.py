#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the plugin as an array of C, with a zero behind it.

usage: embed.py PLUGIN > plugin_bytes.h"""
import sys

data = open(sys.argv[1], "rb").read()
print("/* SPDX-License-Identifier: MIT */")
print("/* The plugin for QEMU; written by embed.py. */")
print("static const unsigned char plugin_bytes[] = {")
for at in range(0, len(data), 24):
    print(",".join(map(str, data[at:at + 24])) + ",")
print("0};")
