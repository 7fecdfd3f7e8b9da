#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the facts of every column with what genuine kernels were measured to do, and prints the table.

judge.py FACTS FOLDER [--seeded | --running NAME PROFILE PROGRAM...]
FOLDER holds expected.tsv, excused.tsv and, while rules are wrong, failing.tsv.
--seeded: the judge is judged: each violation that is planted must be found.
--running: PROGRAM measures a running kernel, which must do what the machine does under PROFILE on x86-64; it may
  leave facts out. Rows of excused.tsv for running/NAME say where they may differ.
"""
import collections
import fnmatch
import os
import subprocess
import sys

EXCUSED_PERCENT = 10


def rows(path):
    with open(path, encoding="ascii") as text:
        return [line.rstrip("\n").split("\t") for line in text if line.strip() and not line.startswith("#")]


class Tables:
    """expected: {column: {fact: value}}; excused, failing: [(columns, facts, why)]"""

    def __init__(self, folder):
        head, *body = rows(os.path.join(folder, "expected.tsv"))
        self.expected = {column: {} for column in head[1:]}
        for fact, *values in body:
            for column, value in zip(head[1:], values):
                if value:
                    self.expected[column][fact] = value
        excused = [tuple(row) for row in rows(os.path.join(folder, "excused.tsv"))[1:]]
        self.excused = [row for row in excused if row[0][0] != "-" and not row[0].startswith("running/")]
        self.running = [row for row in excused if row[0] == "*" or row[0].startswith("running/")]
        failing = os.path.join(folder, "failing.tsv")
        self.failing = [tuple(row) for row in rows(failing)[1:]] if os.path.exists(failing) else []


def match(table, column, fact):
    for index, (columns, facts, _) in enumerate(table):
        if fnmatch.fnmatchcase(column, columns) and fnmatch.fnmatchcase(fact, facts):
            return index
    return None


def measure(program, column):
    return read_facts(column, [program, *column.split("/")])


def read_facts(column, command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{column}: exit {done.returncode}: {done.stderr.strip()}")
    facts = {}
    for line in done.stdout.splitlines():
        if "\t" not in line:
            continue
        fact, value = line.rstrip("\r").split("\t")
        if fact in facts:
            raise SystemExit(f"{column}: {fact} is measured twice")
        facts[fact] = value
    return facts


class Judgement:
    def __init__(self, tables, measured):
        self.wrong = []
        self.count = {}
        self.why = collections.Counter()
        used_excuse, self.mended = set(), []
        used_failing = set()
        for column, expected in tables.expected.items():
            count = collections.Counter()
            for fact, value in expected.items():
                got = measured[column].get(fact)
                if got == value:
                    count["hold"] += 1
                    continue
                excuse = match(tables.excused, column, fact)
                known = match(tables.failing, column, fact)
                if excuse is not None:
                    used_excuse.add(excuse)
                    count["excused"] += 1
                    self.why[tables.excused[excuse][2].split(":")[0]] += 1
                elif known is not None:
                    used_failing.add(known)
                    count["known wrong"] += 1
                else:
                    count["wrong"] += 1
                    self.wrong.append(f"{column}: {fact}: measured {value}, here {got or 'nothing'}")
            count["facts"] = len(expected)
            self.count[column] = count
        for index, row in enumerate(tables.excused):
            if index not in used_excuse:
                self.wrong.append(f"excused.tsv: nothing needs '{row[0]} {row[1]}' any more")
        self.mended = [row for index, row in enumerate(tables.failing) if index not in used_failing]
        for column, count in self.count.items():
            if count["excused"] * 100 > count["facts"] * EXCUSED_PERCENT:
                self.wrong.append(f"{column}: {count['excused']} of {count['facts']} facts are excused: more than "
                                  f"{EXCUSED_PERCENT} percent")
        self.count["all"] = sum(self.count.values(), collections.Counter())

    def print(self):
        names = ["facts", "hold", "excused", "known wrong", "wrong"]
        print(f"{'':22}" + "".join(f"{name:>13}" for name in names))
        for column, count in self.count.items():
            print(f"{column:22}" + "".join(f"{count[name]:>13}" for name in names))
        print("excused by reason: " + ", ".join(f"{why} {count}" for why, count in self.why.most_common()))
        for columns, facts, _ in self.mended:
            print(f"failing.tsv: '{columns} {facts}' holds now: delete the row")
        for text in self.wrong:
            print("WRONG " + text)


def seeded(tables, measured):
    """A wrong value, an excuse that nothing needs, and too many excuses must each be found."""
    failures = []

    def plant(what, change, expect):
        copy = Tables.__new__(Tables)
        copy.expected = {column: dict(facts) for column, facts in tables.expected.items()}
        copy.excused, copy.failing = list(tables.excused), list(tables.failing)
        change(copy)
        if not any(expect in text for text in Judgement(copy, measured).wrong):
            failures.append(what)

    for column, facts in tables.expected.items():
        fact = next(name for name in facts if measured[column].get(name) == facts[name] and
                    match(tables.excused, column, name) is None and match(tables.failing, column, name) is None)

        def change(copy, column=column, fact=fact):
            copy.expected[column][fact] = "m7M7"

        plant(f"another value in {column}", change, f"{column}: {fact}")
    plant("an excuse that nothing needs", lambda copy: copy.excused.append(("*", "no such fact", "none")),
          "nothing needs")

    def excuse_all(copy):
        copy.excused = [("*", "*", "none")]
        copy.expected = {column: dict.fromkeys(facts, "m7M7") for column, facts in copy.expected.items()}

    plant("everything excused", excuse_all, "percent")
    for what in failures:
        print(f"WRONG the judge does not find: {what}")
    print(f"{len(tables.expected) + 2} violations planted, {len(failures)} not found")
    return not failures


def running(tables, name, machine, linux):
    """Every fact that the running kernel tells must be the machine's."""
    wrong = [f"{name}: {fact}: {value}, the machine: {machine.get(fact, 'nothing')}"
             for fact, value in linux.items()
             if machine.get(fact) != value and match(tables.running, "running/" + name, fact) is None]
    for text in wrong:
        print("WRONG " + text)
    print(f"{len(linux)} facts of the running kernel, {len(wrong)} wrong")
    return not wrong and len(linux) > 400


def main():
    program, folder = sys.argv[1:3]
    tables = Tables(folder)
    if "--running" in sys.argv[3:]:
        name, profile, *command = sys.argv[4:]
        machine = measure(program, profile + "/x86_64")
        return 0 if running(tables, name, machine, read_facts(name, command)) else 1
    measured = {column: measure(program, column) for column in tables.expected}
    if "--seeded" in sys.argv[3:]:
        return 0 if seeded(tables, measured) else 1
    judgement = Judgement(tables, measured)
    judgement.print()
    return 1 if judgement.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
