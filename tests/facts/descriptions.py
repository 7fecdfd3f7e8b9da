#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks docs/descriptions.md: every row's file, function, machine, and scenario or test exist; and the functions of
docs/glossary.md.

descriptions.py ROOT [--seeded]
A table has four columns: described | here | machine | shown by.
  described  names in backquotes; each must be a word in a file of the row, unless the row is left out
  here       `FILE` `FUNCTION`...; or "left out: WHY"
  machine    profiles and architectures in backquotes; "any"
  shown by   `NAME.scn`, `FILE` `FUNCTION` of a test, `fact: NAME` of expected.tsv; not for what is left out
--seeded: the check is checked: each violation that is planted must be found.
"""
import os
import re
import sys

# What the descriptions call by name, in the order of the four texts.
NAMES = """
do_page_fault read_cr2 fault_in_kernel_space vmalloc_fault bad_area_nosemaphore in_atomic down_read_trylock
search_exception_tables might_sleep find_vma expand_stack access_error bad_area bad_area_access_error
handle_mm_fault
do_DataAbort fsr_info do_bad do_translation_fault do_sect_fault do_bad_area arm_notify_die user_mode
force_sig_info die __do_user_fault __do_kernel_fault fixup_exception do_exit do_group_exit init_mm __rmqueue
pgd_offset pmd_alloc pte_alloc get_pte_fast get_pte_slow __handle_bad_pmd handle_pte_fault do_no_page
do_swap_page do_wp_page establish_pte pte_mkdirty pte_mkyoung do_anonymous_page clear_user_highpage
flush_page_to_ram set_pte update_mmu_cache min_flt maj_flt screen_bitmap TEST_VERIFY_AREA
do_mem_abort esr_to_fault_info fault_info mem_abort_decode arm64_notify_die __handle_mm_fault do_fault
do_read_fault do_cow_fault do_shared_fault do_sea wp_page_copy
""".split()
SECTIONS = ["Linux 2.4 on i386", "Linux 2.6 on x86", "Linux 2.6 on ARM", "Linux 4.14 on ARM64"]
MACHINES = ["linux-2.4", "linux-2.6", "linux-4.14", "linux-6", "i386", "x86_64", "x86", "arm", "arm64",
            "arm64_39", "riscv64"]
HEAD = ["described", "here", "machine", "shown by"]


class Tree:
    def __init__(self, root):
        self.root = root
        self.texts = {}
        with open(os.path.join(root, "tests/facts/expected.tsv"), encoding="ascii") as rows:
            self.facts = {row.split("\t")[0] for row in rows}

    def text(self, path):
        if path not in self.texts:
            full = os.path.join(self.root, path)
            self.texts[path] = None
            if os.path.isfile(full):
                with open(full, encoding="utf-8") as file:
                    self.texts[path] = file.read()
        return self.texts[path]


def has_word(text, word):
    """As a word, or with the library's prefix."""
    return re.search(rf"(?<![A-Za-z0-9_])(qr_|quire_)?{re.escape(word)}(?![A-Za-z0-9_])", text) is not None


def defines(text, name):
    """A function, at the start of a line and not only declared; an array, a macro, a structure, a label."""
    word = re.escape(name)
    return re.search(rf"^[A-Za-z_](?:[^;\n]*[ *])?{word}\([^;\n]*$|^[A-Za-z_][^;\n]*[ *]{word}(\[[^;\n]*\])? = |"
                     rf"^#define\s+{word}\b|^(struct|enum) {word} \{{|^{word}:", text, re.M) is not None


def is_path(word):
    return "/" in word or word.endswith((".c", ".h", ".S"))


def check_pairs(tree, cell, what, problems):
    """`FILE` `FUNCTION`... in a cell. Returns the text of the files named."""
    path, texts = None, []
    if re.search(r"`[^`]*/[^`]*\.c`(?! `[A-Za-z_])", cell):
        problems.append(f"{what}: a file without a function")
    for word in re.findall(r"`([^`]+)`", cell):
        if word.startswith("fact: "):
            if word[6:] not in tree.facts:
                problems.append(f"{what}: no fact '{word[6:]}'")
        elif word.endswith(".scn"):
            if tree.text("scenarios/" + word) is None:
                problems.append(f"{what}: no scenario {word}")
        elif is_path(word):
            path = word
            if tree.text(path) is None:
                problems.append(f"{what}: no file {path}")
            else:
                texts.append(tree.text(path))
        elif path is None:
            problems.append(f"{what}: '{word}' stands behind no file")
        elif tree.text(path) is not None and not defines(tree.text(path), word):
            problems.append(f"{what}: {path} has no {word}")
    return "\n".join(texts)


def check_row(tree, row, what, problems):
    described, here, machine, shown = row
    names = re.findall(r"`([A-Za-z_]\w*)`", described)
    if here.startswith("left out"):
        if not re.match(r"left out: .{12,}", here):
            problems.append(f"{what}: left out without a reason")
        return names
    if "`" not in here:
        problems.append(f"{what}: no place")
    text = check_pairs(tree, here, what, problems)
    for name in names:
        if text and not has_word(text, name):
            problems.append(f"{what}: {name} is not to be found in its place")
    for word in re.findall(r"`([^`]+)`", machine):
        if word not in MACHINES:
            problems.append(f"{what}: no machine {word}")
    if "`" not in machine and machine != "any":
        problems.append(f"{what}: no machine")
    if "`" not in shown:
        problems.append(f"{what}: nothing shows it")
    check_pairs(tree, shown, what, problems)
    return names


def tables(text):
    """Yields (section, line number, cells)."""
    section = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            section = line[3:].strip()
        if line.startswith("|") and section in SECTIONS and not re.match(r"^\|[-| ]+\|$", line):
            yield section, number, [cell.strip() for cell in line.strip().strip("|").split("|")]


def check(tree, text):
    problems, found, rows = [], set(), {section: 0 for section in SECTIONS}
    for section, number, cells in tables(text):
        if cells == HEAD:
            continue
        what = f"docs/descriptions.md:{number}"
        if len(cells) != len(HEAD):
            problems.append(f"{what}: {len(cells)} columns")
            continue
        rows[section] += 1
        found.update(check_row(tree, cells, what, problems))
    problems += [f"no row tells of {name}" for name in NAMES if name not in found]
    problems += [f"no table: {section}" for section, count in rows.items() if count == 0]
    return problems, sum(rows.values())


def check_glossary(tree, text):
    """## Functions: | `NAME` | `FILE` `FUNCTION` |"""
    problems, rows = [], 0
    part = text.split("## Functions", 1)[-1] if "## Functions" in text else ""
    for line in part.splitlines():
        match = re.match(r"^\| `(\w+)` \| (.+?) \|", line)
        if not match:
            continue
        rows += 1
        what = f"docs/glossary.md: {match[1]}"
        place = check_pairs(tree, match[2], what, problems)
        if not has_word(place, match[1]):
            problems.append(f"{what} is not to be found in its place")
    if rows == 0:
        problems.append("docs/glossary.md: no functions")
    return problems, rows


def seeded(tree, text):
    """Each kind of violation, planted in the first row that can hold it."""
    row = next(cells for _, _, cells in tables(text) if cells != HEAD and not cells[1].startswith("left out"))
    line = "| " + " | ".join(row) + " |"

    def with_row(cells):
        return text.replace(line, "| " + " | ".join(cells) + " |", 1)

    plants = {
        "no file": with_row([row[0], "`src/fault/nowhere.c` `f`", row[2], row[3]]),
        "has no": with_row([row[0], row[1] + " `no_such_function`", row[2], row[3]]),
        "not to be found in its place": with_row([row[0] + " `no_such_name`", *row[1:]]),
        "no place": with_row([row[0], "somewhere", row[2], row[3]]),
        "no machine": with_row([row[0], row[1], "`linux-3.0`", row[3]]),
        "without a function": with_row([*row[:3], "`tests/facts/sim.c`"]),
        "no scenario": with_row([*row[:3], "`no-such.scn`"]),
        "no fact": with_row([*row[:3], "`fact: no such fact`"]),
        "nothing shows it": with_row([*row[:3], ""]),
        "without a reason": with_row([row[0], "left out:", row[2], ""]),
        "columns": with_row(row[:3]),
        "no row tells of": text.replace("`__rmqueue`", "`rmqueue`"),
        "no table": text.replace("## Linux 2.6 on ARM", "## Something else"),
    }
    lost = [what for what, planted in plants.items()
            if not any(what in problem for problem in check(tree, planted)[0])]
    planted = "## Functions\n\n| `do_fault` | `src/fault/anon.c` `no_such_function` |\n"
    lost += [what for what in ("has no", "not to be found in its place")
             if not any(what in problem for problem in check_glossary(tree, planted)[0])]
    for what in lost:
        print(f"WRONG the check does not find: {what}")
    print(f"{len(plants) + 2} violations planted, {len(lost)} not found")
    return not lost


def main():
    tree = Tree(sys.argv[1])
    text = tree.text("docs/descriptions.md") or ""
    if "--seeded" in sys.argv[2:]:
        return 0 if seeded(tree, text) else 1
    problems, rows = check(tree, text)
    more, more_rows = check_glossary(tree, tree.text("docs/glossary.md") or "")
    problems, rows = problems + more, rows + more_rows
    for problem in problems:
        print(problem)
    print(f"{rows} rows, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
