#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each kind of report that quire explain once read wrongly, with literally what it has to say now: kinds/*.log
and beside each a .txt. Every log is read as it stands and in disguises that may change nothing but the lines."""
import json
import pathlib
import re
import subprocess
import sys
import textwrap

QUIRE = sys.argv[1]
FOLDER = pathlib.Path(__file__).parent / 'kinds'
# These are disguises themselves, or are about lines that follow each other.
RAW = {'colours', 'quoted-printable', 'journal-json', 'docker-json', 'pstore-and-logcat', 'code-with-entities'}


def plain(text):
    return text


def crlf(text):
    return text.replace('\n', '\r\n')


def quoted(text):
    return ''.join('> ' + line + '\n' for line in text.splitlines())


def colours(text):
    return ''.join(f'\033[32m[   33.{n:06}] \033[0m\033[1m{line}\033[0m\n' for n, line in enumerate(text.splitlines()))


def entities(text):
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def journal(text):
    return ''.join(json.dumps({'MESSAGE': line, 'PRIORITY': '4'}) + '\n' for line in text.splitlines())


def docker(text):
    return ''.join('{"log":' + json.dumps(line + '\n') + ',"stream":"stdout"}\n' for line in text.splitlines())


def mail(text):
    """Quoted-printable, broken where a mailer breaks: hard at 70 characters."""
    lines = []
    for line in text.replace('=', '=3D').splitlines():
        while len(line) > 70:
            cut = 70 - (line[68] == '=') * 2 - (line[69] == '=')
            lines.append(line[:cut] + '=')
            line = line[cut:]
        lines.append(line)
    return 'Content-Transfer-Encoding: quoted-printable\n\n' + '\n'.join(lines) + '\n'


def logcat(text):
    return ''.join(f'11-21 10:50:31.{n:03}     0     0 W Kernel  : {line}\n' for n, line in enumerate(text.splitlines()))


def kmsg(text):
    return ''.join(f'4,{n},{n}0000,-;{line}\n' for n, line in enumerate(text.splitlines()))


DISGUISES = [plain, crlf, quoted, colours, entities, journal, docker, mail, logcat, kmsg]


def explain(text):
    done = subprocess.run([QUIRE, 'explain', '-'], input=text.encode(), capture_output=True, timeout=600, check=False)
    return done.stderr.decode() + done.stdout.decode()


def without_lines(text):
    """Mail has a head and more lines: the numbers differ, and nothing else."""
    return re.sub(r'line \d+', 'line N', text)


def main():
    problems, runs = [], 0
    logs = sorted(FOLDER.glob('*.log'))
    for log in logs:
        expected = log.with_suffix('.txt').read_text()
        text = log.read_text()
        for disguise in DISGUISES[:1] if log.stem in RAW else DISGUISES:
            have = explain(disguise(text))
            runs += 1
            same = have == expected if disguise is plain else without_lines(have) == without_lines(expected)
            if not same:
                problems.append(f'{log.stem} ({disguise.__name__}):\n' + textwrap.indent(have, '  have| ') +
                                textwrap.indent(expected, '  want| '))
    if len(logs) < 50:
        problems.append(f'only {len(logs)} kinds')
    print('\n'.join(problems[:10]))
    print(f'{len(logs)} kinds, {runs} runs, {len(problems)} problems')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
