#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs quire explain over every log in logs/, as it stands and disguised, and compares with expected.json.

expected.json: for each log, the faults in order; of each, the keys that count. A value "~text" must
occur in the key's own value; "hint" and "hint2" must occur in one of the hints."""
import json
import pathlib
import re
import subprocess
import sys
import textwrap

STABLE = ['arch', 'address', 'code', 'register', 'access', 'mode', 'cause', 'level', 'name', 'handler',
          'signal', 'si_code', 'hints']

ACCESSES = {'read', 'write', 'exec', 'unknown'}
MODES = {'user', 'kernel', 'unknown'}


def crlf(text):
    return text.replace('\n', '\r\n')


def quoted(text):
    return 'On Monday somebody wrote:\n' + ''.join('> ' + line + '\n' for line in text.splitlines())


def has_stamps(text):
    return re.search(r'^\W*(\[[ \d]+\.|kern|Nov)', text, re.M) is not None


def stamped(text):
    """Only where there are no stamps yet: two callers may not become one."""
    if has_stamps(text):
        return text
    lines = text.splitlines()
    return ''.join(f'[{n // 100:5}.{n:06}] {line}\n' for n, line in enumerate(lines))


def journal(text):
    return ''.join(f'2026-11-21T10:50:31.{n:06}+00:00 host kernel: {line}\n'
                   for n, line in enumerate(text.splitlines()))


def wrapped(text):
    """As a mail program breaks lines: at white space, the rest on a line of its own."""
    out = []
    for line in text.splitlines():
        out += textwrap.wrap(line, 76, break_long_words=False, break_on_hyphens=False,
                             drop_whitespace=True) or ['']
    return '\n'.join(out) + '\n'


def no_last_newline(text):
    return text.rstrip('\n')


def in_noise(text):
    noise = 'usb 1-1: new high-speed USB device\nsystemd[1]: Started something.\n'
    return noise + text + noise * 3


DISGUISES = {'plain': lambda text: text, 'crlf': crlf, 'quoted': quoted, 'stamped': stamped,
             'journal': journal, 'wrapped': wrapped, 'unterminated': no_last_newline, 'noise': in_noise}

# Wrapped lines lose the caller that tells the two apart; a journal stamps no line that a mail wrapped.
SKIPPED = {('prefixes-journal-caller', 'wrapped'), ('prefixes-quoted-mail', 'journal')}


def value_matches(fault, key, want):
    if key.startswith('hint'):
        return any(want.lstrip('~') in hint for hint in fault['hints'])
    have = fault.get(key)
    if isinstance(want, str) and want.startswith('~'):
        return isinstance(have, str) and want[1:] in have
    return have == want


def compare(name, disguise, want, have):
    problems = []
    if len(want) != len(have):
        found = [(f['arch'], f['address'], f['code']) for f in have]
        return [f'{name} ({disguise}): {len(have)} faults instead of {len(want)}: {found}']
    for number, (w, h) in enumerate(zip(want, have), 1):
        for key in STABLE:
            if key not in h:
                problems.append(f'{name} ({disguise}), fault {number}: no key {key}')
        if h.get('access') not in ACCESSES or h.get('mode') not in MODES:
            problems.append(f'{name} ({disguise}), fault {number}: {h.get("access")}, {h.get("mode")}')
        for key, value in w.items():
            if key == 'line' and disguise != 'plain':
                continue
            if not value_matches(h, key, value):
                shown = h['hints'] if key.startswith('hint') else h.get(key)
                problems.append(f'{name} ({disguise}), fault {number}: {key} is {shown!r}, not {value!r}')
    return problems


def explain(quire, text):
    run = subprocess.run([quire, 'explain', '--json', '-'], input=text.encode(), capture_output=True,
                         timeout=600, check=False)
    return run.returncode, json.loads(run.stdout)


def main():
    quire = sys.argv[1]
    folder = pathlib.Path(__file__).parent / 'logs'
    expected = json.loads((folder / 'expected.json').read_text())
    logs = {path.stem: path.read_text() for path in sorted(folder.glob('*.log'))}
    problems, runs = [], 0

    if set(logs) != set(expected):
        problems.append(f'logs without expectation, or the other way: {set(logs) ^ set(expected)}')
    if len(logs) < 40:
        problems.append(f'only {len(logs)} logs')
    for name, text in logs.items():
        for disguise, change in DISGUISES.items():
            if (name, disguise) in SKIPPED:
                continue
            status, have = explain(quire, change(text))
            runs += 1
            if status != (0 if expected[name] else 1):
                problems.append(f'{name} ({disguise}): exit status {status}')
            problems += compare(name, disguise, expected[name], have)
    # the text form says the same: one heading for each fault
    for name, text in logs.items():
        run = subprocess.run([quire, 'explain', '--color', 'never', '-'], input=text.encode(),
                             capture_output=True, timeout=600, check=False)
        headings = len(re.findall(rb'^Fault \d+: ', run.stdout, re.M))
        if headings != len(expected[name]) or b'\033' in run.stdout:
            problems.append(f'{name}: the text has {headings} headings')
    for problem in problems:
        print(problem)
    print(f'{len(logs)} logs, {runs} runs, {len(problems)} problems')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
