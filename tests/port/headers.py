# SPDX-License-Identifier: MIT
"""What the comments of the public headers say of a caller: whether a function sleeps and for what, and its stack.

<quire/types.h> says what the words mean, and the bytes of small, middle and large."""
import glob
import os
import re

FUNCTION = re.compile(r"(/\*(?:(?!\*/).)*?\*/\s*)?^(?:static inline )?[a-z][^\n;{}()/#=]*?\b\*?(quire_\w+)\([^;{}]*?\)"
                      r"[^;{}()]*?[;{]", re.S | re.M)
WORDS = ("the mm lock", "pages", "memory", "the kernel map")
CLASSES = ("small", "middle", "large")


class Said:
    """Of one function."""

    def __init__(self, comment):
        text = " ".join(re.sub(r"[/*\s]+", " ", comment).split())
        self.any = re.search(r"\bAny context\b|\bContext:? any\b", text) is not None
        self.alone = "nothing else runs in the system" in text  # so no lock is held
        self.not_sleep = "does not sleep" in text
        self.like = re.search(r"\bContext:? as (quire_\w+)\(\)", text)
        self.sleeps = None
        found = re.search(r"may sleep for ([^.;:]*)", text)
        if found:
            self.sleeps = {word for word in WORDS if re.search(rf"\b{word}\b", found.group(1))}
        stack = re.search(r"\bStack:? (\w+)", text)
        self.stack = stack.group(1) if stack else "small"

    def says(self):
        return self.any or self.not_sleep or self.like or self.sleeps is not None


def read(root):
    """Function: what is said of it."""
    said = {}
    for path in sorted(glob.glob(os.path.join(root, "include/quire/**/*.h"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            for comment, name in FUNCTION.findall(file.read()):
                said[name] = Said(comment or "")
    for name, one in said.items():
        if one.like:
            said[name].sleeps, said[name].any = said[one.like.group(1)].sleeps, said[one.like.group(1)].any
    return said


def limits(root):
    """Bytes of each class: (without a store, with one)."""
    with open(os.path.join(root, "include/quire/types.h"), encoding="utf-8") as file:
        text = " ".join(re.sub(r"[/*\s]+", " ", file.read()).split())
    found = re.search(r"small ([\d,]+), middle ([\d,]+), large ([\d,]+) and with a store ([\d,]+)", text)
    small, middle, large, store = (int(word.replace(",", "")) for word in found.groups())
    return {"small": (small, small), "middle": (middle, middle), "large": (large, store)}
