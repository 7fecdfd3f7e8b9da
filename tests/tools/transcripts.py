#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every transcript of README.md and docs is what the command prints.

usage: transcripts.py QUIRE SOURCE-ROOT [--update]

A transcript is a fenced block that begins with '$ quire try' or '$ quire explain'; a blank line and the next
'$ ' begin another one in the same block. A line '...' stands for any number of lines. --update rewrites the
transcripts: what lies between two such lines is found again by its first and its last line."""
import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

QUIRE, ROOT = os.path.abspath(sys.argv[1]), Path(sys.argv[2])
BLOCK = re.compile(r'^```\n(\$ quire (?:try|explain) .*?)^```$', re.M | re.S)


def pages():
    return [ROOT / 'README.md'] + sorted((ROOT / 'docs').glob('*.md'))


def transcripts(block):
    """(command line, lines shown) of each."""
    for part in re.split(r'\n(?=\$ )', block.rstrip('\n')):
        first, *shown = part.split('\n')
        while shown and not shown[-1].strip():
            shown.pop()
        yield first[2:], shown


def output(command):
    words = shlex.split(command)
    folder = ROOT
    # A page about logs names them without their folder.
    if not any((ROOT / word).exists() for word in words[2:]) and words[-1].endswith('.log'):
        folder = ROOT / 'tests/explain/logs'
    done = subprocess.run([QUIRE] + words[1:], cwd=folder, capture_output=True, text=True, timeout=600)
    return [line.rstrip() for line in (done.stdout + done.stderr).rstrip('\n').split('\n')]


def difference(shown, printed):
    """The first line shown that is not printed where it is expected; None: there is none."""
    at, skipping = 0, False
    for line in (line.rstrip() for line in shown):
        if line.strip() == '...':
            skipping = True
            continue
        while skipping and at < len(printed) and printed[at] != line:
            at += 1
        if at >= len(printed) or printed[at] != line:
            return line
        at, skipping = at + 1, False
    return None if skipping or at == len(printed) else f'the end, where this is printed: {printed[at]}'


def refreshed(shown, printed):
    """The lines to show now: each run between two '...' is printed from its first line to its last."""
    if not any(line.strip() == '...' for line in shown):
        return printed
    lines, at = [], 0
    for dots, run in itertools.groupby(shown, lambda line: line.strip() == '...'):
        run = list(run)
        if dots:
            lines += run
            continue
        if run[0] not in printed[at:] or run[-1] not in printed[printed.index(run[0], at):]:
            return shown  # for somebody to look at: the comparison fails
        first = printed.index(run[0], at)
        at = printed.index(run[-1], first) + 1
        lines += printed[first:at]
    return lines


def update(page, text):
    def again(match):
        parts = [f'$ {command}\n' + '\n'.join(refreshed(shown, output(command)))
                 for command, shown in transcripts(match.group(1))]
        return '```\n' + '\n\n'.join(parts) + '\n```'
    page.write_text(BLOCK.sub(again, text))


def main():
    failed = count = 0
    for page in pages():
        text = page.read_text()
        if '--update' in sys.argv[3:]:
            update(page, text)
            continue
        for block in BLOCK.findall(text):
            for command, shown in transcripts(block):
                printed = output(command)
                missed = difference(shown, printed)
                count += 1
                if missed is not None:
                    failed += 1
                    print(f'FAILED: {page.name}: $ {command}\n  shown and not printed: {missed}')
                # A comparison that cannot fail proves nothing.
                elif difference(shown[:-1] + [shown[-1] + ' and more'], printed) is None:
                    failed += 1
                    print(f'FAILED: {page.name}: $ {command}: a changed line was not found')
    print(f'{count} transcripts, {failed} failed')
    return failed != 0 or (count == 0 and '--update' not in sys.argv[3:])


if __name__ == '__main__':
    sys.exit(main())
