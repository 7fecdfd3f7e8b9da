#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every fault that a command writes in JSON is one of docs/fault.schema.json.

usage: schema.py QUIRE SOURCE-ROOT

The checker knows the words of JSON Schema that the schema uses, and refuses others. Each rule of it is shown to
find a violation: a good fault is broken in every way that the schema forbids."""
import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
KNOWN = {"$schema", "title", "description", "type", "additionalProperties", "required", "properties", "enum", "pattern",
         "minimum", "items"}


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))


def wrong(value, schema, where="fault"):
    """The first difference from the schema; None: there is none."""
    unknown = set(schema) - KNOWN
    if unknown:
        return f"{where}: the checker does not know {unknown}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where}: {value!r} is none of {schema['enum']}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, name) for name in types):
        return f"{where}: {value!r} is no {' or '.join(types)}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return f"{where}: {value!r} is not {schema['pattern']}"
    if is_type(value, "integer") and value < schema.get("minimum", value):
        return f"{where}: {value} is less than {schema['minimum']}"
    if isinstance(value, list):
        found = (wrong(item, schema.get("items", {}), f"{where}[{i}]") for i, item in enumerate(value))
        return next((text for text in found if text), None)
    return wrong_members(value, schema, where) if isinstance(value, dict) else None


def wrong_members(value, schema, where):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            return f"{where}: {name} is missing"
    for name, member in value.items():
        if name not in properties:
            return f"{where}: {name} is not in the schema"
        text = wrong(member, properties[name], f"{where}.{name}")
        if text:
            return text
    return None


def load(root):
    return json.loads((Path(root) / "docs" / "fault.schema.json").read_text())


GOOD = {"version": 1, "pid": 2, "process": "sh", "mode": "user", "access": "write", "cause": "not-present",
        "address": "0x7fff", "pc": "0x401000", "syndrome": "0x6", "outcome": "signal", "major": False, "rule": "bad_area",
        "signal": {"number": 11, "name": "SIGSEGV", "code": 1, "code_name": "SEGV_MAPERR"}, "way": ["trap", "bad_area"],
        "source": "sh.c:12", "file": "/bin/sh", "file_offset": "0x1000",
        "mapping": {"start": "0x7000", "end": "0x8000", "prot": "rw-p", "name": None},
        "entry_before": "0x0", "entry_after": "0x8000000000000867", "frame": "0x212", "time_ns": 5}
VIOLATIONS = [
    ("version", 2), ("pid", "2"), ("pid", True), ("pid", -1), ("process", 3), ("mode", "guest"), ("access", "w"),
    ("cause", "Not present"), ("address", 32767), ("address", "7fff"), ("address", "0x07fff"), ("address", "-0x1"),
    ("address", "0xFFFF"), ("pc", "0x1ffffffffffffffff"), ("outcome", "done"), ("major", 0), ("rule", ""),
    ("signal", 11), ("signal", {"number": 11}), ("way", "trap"), ("way", ["trap", 3]), ("entry_after", -5),
    ("source", "/tmp/sh.c:12"), ("source", "sh.c"), ("file", 3), ("file_offset", 4096), ("mapping", "/bin/sh"),
    ("mapping", {"start": "0x7000", "end": "0x8000", "prot": "rw", "name": None}), ("mapping", {"start": "0x7000"}),
    ("time_ns", 1.5), ("va", "0x7fff"),
]


def the_checker(schema):
    failures = 0
    if wrong(GOOD, schema):
        print("FAILED: the good fault:", wrong(GOOD, schema))
        failures += 1
    for name, value in VIOLATIONS:
        bad = copy.deepcopy(GOOD)
        bad[name] = value
        if not wrong(bad, schema):
            print(f"FAILED: {name} = {value!r} is not found")
            failures += 1
    for name in schema["required"]:
        bad = {key: value for key, value in GOOD.items() if key != name}
        if not wrong(bad, schema):
            print(f"FAILED: {name} may be missing")
            failures += 1
    return failures


def of_try(quire, root):
    scenarios = str(Path(root) / "scenarios")
    for machine in (["x86_64", "linux-6"], ["i386", "linux-2.4"], ["arm", "linux-2.6"], ["arm64_39", "linux-4.14"],
                    ["riscv64", "linux-6"]):
        done = subprocess.run([quire, "try", "--json", "--arch", machine[0], "--profile", machine[1], scenarios],
                              capture_output=True, text=True, check=False, timeout=600)
        for file in json.loads(done.stdout):
            for operation in file.get("operations", []):
                yield from (("try " + file["file"], fault) for fault in operation["faults"])


def of_explain(quire, root):
    logs = sorted((Path(root) / "tests" / "explain" / "logs").glob("*.log"))
    codes = [["--arch", "x86_64", "0x2", "--address", "0x8"], ["--arch", "arm", "0x805"], ["--arch", "arm64", "0x96000005"]]
    for arguments in [[str(log)] for log in logs] + codes:
        done = subprocess.run([quire, "explain", "--json", *arguments], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=600)
        yield from (("explain " + arguments[-1], finding["fault"]) for finding in json.loads(done.stdout))


def main():
    quire, root = os.path.abspath(sys.argv[1]), sys.argv[2]
    schema = load(root)
    failures, counts, entries = the_checker(schema), {}, 0
    for source in (of_try, of_explain):
        for where, fault in source(quire, root):
            word = where.split()[0]
            counts[word] = counts.get(word, 0) + 1
            entries += fault.get("entry_after", "").startswith("0x8")
            text = wrong(fault, schema)
            if text and failures < 20:
                print(f"FAILED: {where}: {text}")
            failures += text is not None
    # A source that gives nothing proves nothing; an entry with NX is one that a signed number cannot hold.
    if counts.get("try", 0) < 500 or counts.get("explain", 0) < 50 or not entries:
        print("FAILED: too few faults were looked at:", counts, entries)
        failures += 1
    print(f"{len(VIOLATIONS)} violations found, {counts} faults, {failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
