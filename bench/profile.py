#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exact instruction counts of the reference kernel by function, for one row of the guest benchmark.

QEMU runs one instruction per block and logs each (-singlestep -d exec,nochain). A row of bench/guest.c lies
between two of its calls that read the time, so the marker is the function of that system call. Any static program
that reads the time before and after the part to measure can be profiled; its rows are numbered.

  self        instructions of the function itself
  with calls  plus those of the functions it called, by following entries and returns. A task switch starts a new
              call path; inlined code counts for the function that contains it
"""
import argparse
import bisect
import collections
import os
import re
import select
import subprocess
import sys
import tempfile
import threading

# The one with times of 64 bits is what a program of 32 bits calls.
MARKERS = ('sys_clock_gettime64', 'sys_clock_gettime')
PROGRAM = '(the program)'
PC = re.compile(rb'/([0-9a-f]{8}|[0-9a-f]{16})/')
# The emulator of a kernel, by e_machine of its ELF header; and whether an address has 16 digits in the log.
EMULATORS = {3: ('i386', 8), 40: ('arm', 8), 62: ('x86_64', 16), 183: ('aarch64', 16), 243: ('riscv64', 16)}
WRAPPER = '#!/bin/sh\nexec {} "$@" -singlestep -d exec,nochain -D {}\n'


class Symbols:
    """The functions of the kernel, by address."""

    def __init__(self, kernel):
        lines = subprocess.run(['nm', '-n', kernel], capture_output=True, text=True, check=True).stdout.split('\n')
        found = {}
        for line in lines:
            address, kind, name = (line.split() + [''] * 3)[:3]
            if kind in ('t', 'T', 'W') and not name.startswith('$'):
                found.setdefault(int(address, 16), name)
        with open(kernel, 'rb') as file:
            machine = int.from_bytes(file.read(20)[18:], 'little')
        self.emulator, self.digits = EMULATORS[machine]
        self.starts = sorted(found)
        self.names = [re.sub(r'\.(part|isra|constprop|cold)\b[.\d]*', '', found[at]) for at in self.starts]
        self.cache = {}

    def of(self, text):
        """(function, whether it is its first instruction) for an address as spelled in the log."""
        if text not in self.cache:
            pc = int(text, 16)
            at = bisect.bisect_right(self.starts, pc) - 1
            self.cache[text] = (self.names[at], pc == self.starts[at]) if at >= 0 else (PROGRAM, False)
        return self.cache[text]

    def address(self, name):
        return self.starts[self.names.index(name)]


class Row:
    """The instructions executed between two markers."""

    def __init__(self, symbols):
        self.symbols, self.stack, self.on_stack = symbols, [], collections.Counter()
        self.self_count, self.with_calls, self.calls = (collections.Counter() for _ in range(3))
        self.previous = None

    def _push(self, name):
        self.stack.append(name)
        self.on_stack[name] += 1
        self.calls[name] += 1

    def _pop(self):
        self.on_stack[self.stack.pop()] -= 1

    def _enter(self, name, first):
        if not first and self.on_stack[name]:
            while self.stack[-1] != name:
                self._pop()
        elif first and not (self.stack and self.stack[-1] == name):
            self._push(name)
        elif not first:
            self.stack.clear()
            self.on_stack.clear()
            self._push(name)

    def add(self, pcs):
        run, total = 0, 0
        for text in pcs:
            name, first = self.symbols.of(text)
            if name is not self.previous or first:
                self._settle(run)
                total, run = total + run, 0
                self._enter(name, first)
                self.previous = name
            run += 1
        self._settle(run)

    def _settle(self, run):
        if not run:
            return
        self.self_count[self.previous] += run
        for name, depth in self.on_stack.items():
            if depth:
                self.with_calls[name] += run


def rows_of(chunks, symbols, wanted):
    """Splits the log at the markers; yields a Row for each pair, counted only where `wanted(number)`."""
    marker = f'{symbols.address(next(name for name in MARKERS if name in symbols.names)):0{symbols.digits}x}'.encode()
    row, number, between = None, 0, False
    tail = b''
    for chunk in chunks:
        chunk = tail + chunk
        cut = chunk.rfind(b'\n') + 1
        tail = chunk[cut:]
        pcs = PC.findall(chunk, 0, cut)
        start = 0
        while start < len(pcs):
            try:
                end = pcs.index(marker, start)
            except ValueError:
                end = len(pcs)
            if row and between:
                row.add(pcs[start:end])
            if end == len(pcs):
                break
            between = not between
            if between:
                row = Row(symbols) if wanted(number) else None
            else:
                yield number, row
                number, row = number + 1, None
            start = end + 1


def chunks_of(path, guest):
    """What QEMU writes. Its end is seen as the end of the file; where it never began, `guest` has ended."""
    log = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    while guest.poll() is None and not select.select([log], [], [], 1)[0]:
        pass
    os.set_blocking(log, True)
    while chunk := os.read(log, 1 << 20):
        yield chunk
    os.close(log)


def run(options, symbols, wanted):
    """(rows, lines): the counted rows by number, and the program's output."""
    emulator = os.environ.get('QUIRE_QEMU', 'qemu-system-' + symbols.emulator)
    # Where QEMU boots another file than the one with the symbols, it lies beside it.
    image = os.path.splitext(options.kernel)[0] + '.image'
    with tempfile.TemporaryDirectory() as folder:
        log, wrapper = os.path.join(folder, 'log'), os.path.join(folder, 'qemu')
        os.mkfifo(log)
        with open(wrapper, 'w', encoding='utf-8') as file:
            file.write(WRAPPER.format(emulator, log))
        os.chmod(wrapper, 0o755)
        env = {**os.environ, 'QUIRE_QEMU': wrapper, 'QUIRE_KERNEL': image if os.path.exists(image) else options.kernel}
        command = [options.quire, 'run', '--icount', '--cpus', '1', '--mem', options.mem, '--quiet', '--']
        guest = subprocess.Popen(command + options.program, env=env, text=True, stdout=subprocess.PIPE)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(guest.stdout))
        reader.start()
        rows = {}
        for number, row in rows_of(chunks_of(log, guest), symbols, wanted):
            if row:
                rows[number] = row
            elif options.row and number > max(options.row):
                # The line of the last one was printed before this one ended.
                guest.terminate()
                break
        reader.join()
        if guest.wait() > 0 and not rows:
            sys.exit(f'{options.program[0]} ended with {guest.returncode}')
    return rows, lines


def show(title, row, count, top):
    total = sum(row.self_count.values())
    print(f'{title}: {total / count:,.1f} instructions, {count} operations')
    print(f'{"self":>12} {"%":>6} {"with calls":>12} {"calls":>9}  function')
    for name, own in row.self_count.most_common(top):
        print(f'{own / count:12,.1f} {100 * own / total:6.1f} {row.with_calls[name] / count:12,.1f} '
              f'{row.calls[name] / count:9,.2f}  {name}')
    print()
    print(f'{"with calls":>12} {"%":>6}  function')
    for name, all_of_it in row.with_calls.most_common(top):
        print(f'{all_of_it / count:12,.1f} {100 * all_of_it / total:6.1f}  {name}')
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('quire', help='the command')
    parser.add_argument('kernel', help='the kernel to profile, with its symbols')
    parser.add_argument('program', nargs='+', help='a static program and its arguments: bench-guest forks')
    parser.add_argument('--row', metavar='N', type=int, action='append', help='only row N, from 0; may be repeated')
    parser.add_argument('--top', metavar='N', type=int, default=40, help='functions in each list (default 40)')
    parser.add_argument('--mem', metavar='SIZE', default='256M', help="the guest's memory (default 256M)")
    options = parser.parse_args()
    rows, lines = run(options, Symbols(options.kernel), lambda number: not options.row or number in options.row)
    for number, row in sorted(rows.items()):
        fields = lines[number].rstrip('\n').split('\t') if number < len(lines) else []
        named = len(fields) == 3 and fields[1].isdigit()
        show(fields[0] if named else f'row {number}', row, int(fields[1]) if named else 1, options.top)


main()
