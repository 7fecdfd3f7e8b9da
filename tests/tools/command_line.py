#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad use of every command is a message and its exit status; every option is in help and manual page.

usage: command_line.py QUIRE SOURCE-ROOT"""
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

QUIRE, ROOT = sys.argv[1], Path(sys.argv[2])
SEE = "; see quire {} --help"
failures = 0

# Arguments, exit status, what standard error says.
BAD_USE = [
    (["frobnicate"], 2, "quire: unknown command 'frobnicate'; quire --help lists them"),
    (["try"], 2, "quire try: no scenario is named" + SEE),
    (["try", "--bogus"], 2, "quire try: no such option: --bogus" + SEE),
    (["try", "--cpus"], 2, "quire try: a value is missing: --cpus" + SEE),
    (["try", "--cpus", "0", "x"], 2, "quire try: --cpus is 1 to 64: 0" + SEE),
    (["try", "--cpus", "1K", "x"], 2, "quire try: --cpus is 1 to 64: 1K" + SEE),
    (["try", "--mem", "-1M", "x"], 2, "quire try: not an amount of memory: -1M" + SEE),
    (["try", "--mem", "9999999999G", "x"], 2, "quire try: not an amount of memory: 9999999999G" + SEE),
    (["try", "--arch", "vax", "x"], 2, "quire try: no such architecture: vax" + SEE),
    (["try", "--profile", "linux-1", "x"], 2, "quire try: no such profile: linux-1" + SEE),
    (["try", "--on", "moon", "x"], 2, "quire try: --on is sim or host: moon" + SEE),
    (["try", "/nonexistent.scn"], 2, "quire try: /nonexistent.scn: No such file or directory"),
    (["conform", "--bogus"], 2, "quire conform: no such option: --bogus" + SEE),
    (["conform", "extra"], 2, "quire conform: no arguments are taken: extra" + SEE),
    (["conform", "--jobs", "65"], 2, "quire conform: --jobs is 1 to 64: 65" + SEE),
    (["conform", "--ops", "x"], 2, "quire conform: --ops is 1 to 400: x" + SEE),
    (["conform", "--seed", "1x"], 2, "quire conform: not a seed, which is a number: 1x" + SEE),
    (["conform", "--without", "luck"], 2, "quire conform: no such feature: luck" + SEE),
    (["conform", "--mutant", "cow-reuse"], 2, "quire conform: this build has no mutants: cow-reuse" + SEE),
    (["explain"], 1, "quire explain: no fault report was found"),
    (["explain", "--bogus"], 2, "quire explain: no such option: --bogus" + SEE),
    (["explain", "--arch", "vax", "0x6"], 2, "quire explain: not a value it can have: vax" + SEE),
    (["explain", "/nonexistent.log"], 2, "quire explain: /nonexistent.log: No such file or directory"),
    (["report"], 2, "quire report: no trace is named" + SEE),
    (["report", "--bogus"], 2, "quire report: no such option: --bogus" + SEE),
    (["report", "a", "b"], 2, "quire report: one trace at a time: b" + SEE),
    (["report", "/nonexistent"], 2, "quire report: /nonexistent: No such file or directory"),
    (["run"], 125, "quire run: no program is named; see quire run --help"),
    (["run", "--bogus"], 125, "quire run: no such option: --bogus" + SEE),
    (["run", "--mem"], 125, "quire run: a value is missing: --mem" + SEE),
    (["run", "--mem", "1M", "x"], 125, "quire run: --mem 1M: not a size from 16M to 1024G" + SEE),
    (["run", "/nonexistent"], 127, "quire run: /nonexistent: not found"),
]


def check(good, text):
    global failures
    if not good:
        failures += 1
        print("FAILED:", text)


def quire(*arguments):
    return subprocess.run([QUIRE, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
                          check=False)


def bad_use():
    for arguments, status, text in BAD_USE:
        result = quire(*arguments)
        expected = text.format(arguments[0]) + "\n"
        check(result.returncode == status and result.stderr == expected and not result.stdout,
              f"quire {' '.join(arguments)}: status {result.returncode}, said {result.stderr!r}")


def options_of_help(text):
    return set(re.findall(r"^ {2}(--[a-z-]+)", text, re.M))


def options_of_page(page):
    """The options that a page describes, not those that it mentions."""
    text = page.read_text().replace("\\-", "-")
    return set(re.findall(r"^\.TP\n\.B[IR]? (--[a-z-]+)", text, re.M))


def pages():
    for command in ("explain", "try", "conform", "run", "report"):
        page = ROOT / "docs" / "man" / f"quire-{command}.1"
        result = quire(command, "--help")
        in_help, in_page = options_of_help(result.stdout), options_of_page(page)
        check(result.returncode == 0 and quire("help", command).stdout == result.stdout, f"help of {command}")
        check(len(in_help) >= (3 if command == "report" else 8), f"{command}: only {len(in_help)} options found in its help")
        check(in_help == in_page, f"{command}: only in one of help and {page.name}: {in_help ^ in_page}")
    if not shutil.which("groff"):
        print("groff is not here: the pages are not formatted")
        return
    for page in sorted((ROOT / "docs" / "man").iterdir()):
        result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", str(page)], capture_output=True, text=True,
                                check=False)
        check(result.returncode == 0 and not result.stderr, f"{page.name}: {result.stderr}")


def on_terminal(*arguments):
    """What standard error has, as a terminal."""
    master, slave = pty.openpty()
    said = b""
    with subprocess.Popen([QUIRE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        try:
            while some := os.read(master, 65536):
                said += some
        except OSError:  # the other end is closed
            pass
        process.wait()
    os.close(master)
    return said


def progress():
    """The bar of conform: on a terminal alone, and gone at the end."""
    arguments = ["conform", "--stand-in", "zero-page=yes", "--seed", "3", "--jobs", "1", "--programs"]
    count = 400
    while b"#" not in (said := on_terminal(*arguments, str(count))) and count < 100000:
        count *= 3
    bars = re.findall(rb"\r\033\[K\[([#.]+)\] (\d+) of (\d+), (\d+) a second(, \d+ s left)?", said)
    check(bars and all(len(bar[0]) == 24 and int(bar[2]) == count for bar in bars), f"the bar: {said[:200]}")
    check(any(bar[4] for bar in bars), f"the time left: {said[:200]}")
    check(said.endswith(b"\r\033[K"), f"it leaves: {said[-60:]}")
    check(on_terminal(*arguments, "400", "--quiet") == b"", "--quiet draws none")
    check(quire(*arguments, "400").stderr == "", "where standard error is no terminal there is none")


bad_use()
pages()
progress()
print(f"{len(BAD_USE)} ways of bad use, {failures} failures")
sys.exit(failures > 0)
