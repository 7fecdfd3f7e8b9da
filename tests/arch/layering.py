#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves the rules of the source tree that no compiler checks; floors.py proves who may use whom.

usage: layering.py symbols LIBRARY NM OBJDUMP     what libquire.a defines, and what it leaves open
       layering.py source ROOT                    licence lines, architecture macros, system headers, sizes
       layering.py freestanding ROOT CLANG        every file for every machine, every header alone, no libc
       layering.py inline ROOT WORK CC [ARG...]   a build for one architecture has no indirect call"""
import concurrent.futures
import os
import re
import subprocess
import sys

ALLOWED_OPEN = {'memcpy', 'memset', 'memcmp', 'memmove', '_GLOBAL_OFFSET_TABLE_'}
# What compilers call for arithmetic of their own, on 32-bit machines mostly.
COMPILER = re.compile(r'^(__(u?div|u?mod|u?cmp|ashl|ashr|lshr|mul|ffs|clz|ctz|popcount)\w*|__atomic_\w+|__asan_\w+|'
                      r'__ubsan_\w+|__sanitizer_\w+|__tsan_\w+|__gcov_\w+|__llvm_\w+)$')
MACROS = re.compile(r'\b(__x86_64__|__amd64__|__i386__|__i386|__arm__|__aarch64__|__riscv\w*|_M_X64|_M_IX86|_M_ARM\w*)\b')
# Instructions that some CPU has not, and then a function of libgcc; constants are worked out by the compiler.
BITS = re.compile(r'__builtin_(?:ctz|clz|ffs|popcount|parity)\w*\((?!qr_leaf_frame_bits\()')
CODE = ('.c', '.h', '.S', '.s', '.py', '.sh', '.ld', '.build')
FREE = ('include', 'src', 'arch', 'ports', 'tests', 'tools', 'bench')

# Who may ask which machine it is compiled for: architectures, the kernel that runs on one, and the
# tools that read the registers of a signal, or recorded results, of the Linux they run on.
OWN_MACHINE = ('arch/', 'ports/kernel/', 'tools/quire/scenario/host_', 'tools/conform-static/', 'tests/facts/linux.c',
               'tests/kernel/signals_machine.h')

# The headers that come with a compiler (C11, 4): all that the core may include of the system's.
FREESTANDING = ('float.h', 'iso646.h', 'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h',
                'stdnoreturn.h')

# Machine, its own architecture, bits of an address, flags. i686: the 80386 had no 64-bit exchange.
TARGETS = (
    ('x86_64-unknown-none', 'x86_64', 64, []),
    ('i386-unknown-none', 'i386', 32, ['-march=i686']),
    ('armv7-none-eabi', 'arm', 32, []),
    ('aarch64-none-elf', 'arm64', 64, []),
    ('riscv64-unknown-elf', 'riscv64', 64, ['-march=rv64gc']),
)
WITH_ALL = ('x86_64', 'i386')
ONE_ARCH = ('i386', 'x86_64', 'x86_64_la57', 'arm', 'arm64', 'arm64_39', 'arm64_16k', 'arm64_64k', 'riscv64',
            'riscv64_sv48', 'toy', 'arm64_39_48', 'riscv64_39_48')

PROBE = """
#include "base/arch.h"
struct quire_system { const struct quire_arch *arch; };
uint64_t probe(struct quire_system *s, quire_pte pte, uint64_t pfn, quire_prot prot, unsigned level);
uint64_t probe(struct quire_system *s, quire_pte pte, uint64_t pfn, quire_prot prot, unsigned level)
{
	const struct quire_arch *arch = qr_arch(s);

	if (arch->kind(arch, pte, level) == QUIRE_PTE_SWAP)
		return arch->swap_value(arch, pte);
	if (arch->kind(arch, pte, level) != QUIRE_PTE_LEAF)
		return arch->make(arch, (quire_pfn){pfn}, prot, QUIRE_PTE_YOUNG, level).bits;
	if (!arch->hw_allows(arch, pte, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, level))
		pte = arch->with_flags(arch, pte, QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0, level);
	return arch->with_prot(arch, pte, prot, level).bits + arch->pfn(arch, pte, level).n;
}
"""


class Findings:
    def __init__(self):
        self.count = 0

    def add(self, text):
        self.count += 1
        print('FAILED:', text)


def sources(root):
    lines = (line.strip() for line in open(os.path.join(root, 'sources.txt')))
    return [line for line in lines if line and not line.startswith('#')]


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=True, **more).stdout


def symbols(findings, library, nm, objdump):
    """Names, and no writable data: instances only."""
    defined, opened = set(), set()
    for line in run([nm, '-g', library]).splitlines():
        part = line.split()
        if len(part) >= 2 and part[-2] in 'Uw':
            opened.add(part[-1])
        elif len(part) == 3:
            defined.add(part[-1])
    for name in sorted(defined):
        if not re.match(r'^(quire|qr)_', name):
            findings.add(f'global symbol {name} is neither quire_ nor qr_')
    for name in sorted(opened - defined - ALLOWED_OPEN):
        if not COMPILER.match(name):
            findings.add(f'undefined symbol {name}: not of the library, not one of the four memory functions')
    instrumented = any(re.match(r'__(asan|gcov|llvm|tsan)_', name) for name in opened)
    member = ''
    for line in run([objdump, '-h', library]).splitlines():
        if 'file format' in line:
            member = line.split(':')[0]
        part = line.split()
        # .data.rel.ro: constants with addresses in them, where the compiler makes position-independent code.
        if len(part) >= 3 and part[0].isdigit() and re.match(r'^\.t?(data|bss)(\.(?!rel\.ro)|$)', part[1]):
            if int(part[2], 16) and not instrumented:
                findings.add(f'{member}: {int(part[2], 16)} bytes of {part[1]}')
    print(f'{len(defined)} global symbols; open: {", ".join(sorted(opened - defined)) or "none"}')


def files(root):
    for top in FREE:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), root)
                if name.endswith(CODE):
                    yield path, open(os.path.join(root, path), encoding='utf-8').read()


def without_comments(text):
    """Code without comments and strings, with its line breaks: a comment may name a macro."""
    blank = lambda match: '\n' * match.group().count('\n')
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"', blank, text, flags=re.S)


def source(findings, root):
    count = 0
    for path, text in files(root):
        count += 1
        head = text.split('\n')[:2]
        if not any('SPDX-License-Identifier: MIT' in line for line in head):
            findings.add(f'{path}: no SPDX line at its head')
        exempt = path.startswith(OWN_MACHINE) or not path.endswith(('.c', '.h', '.S'))
        for number, line in enumerate(without_comments(text).split('\n'), 1):
            if not exempt and MACROS.search(line):
                findings.add(f'{path}:{number}: architecture macro {MACROS.search(line).group()}')
        if path.startswith(('src/', 'arch/')) and path.endswith(('.c', '.h')):
            for call in BITS.findall(without_comments(text)):
                findings.add(f'{path}: {call[:-1]}() may be a function of libgcc: qr_lowest() of base/mem.h')
            for name in re.findall(r'#include <([^>]+)>', text):
                if not name.startswith('quire/') and name not in FREESTANDING:
                    findings.add(f'{path}: includes <{name}>')
    for path in sources(root):
        if not os.path.exists(os.path.join(root, path)):
            findings.add(f'sources.txt: {path} does not exist')
    print(f'{count} files')
    contract(findings, root)


def contract(findings, root):
    """The size of the arch contract, and of each port of it."""
    text = open(os.path.join(root, 'include/quire/port/arch.h')).read()
    body = text[text.index('struct quire_arch {'):]
    functions = re.findall(r'\(\*(\w+)\)\(', body[:body.index('\n};')])
    print(f'arch contract: {len(functions)} functions ({", ".join(functions)})')
    if len(functions) > 20:
        findings.add(f'the arch contract has {len(functions)} functions, more than 20')
    for arch in sorted(os.listdir(os.path.join(root, 'arch'))):
        folder = os.path.join(root, 'arch', arch)
        if not os.path.isdir(folder):
            continue
        lines = {name: open(os.path.join(folder, name)).read().count('\n') for name in sorted(os.listdir(folder))}
        codec = lines.get('pte.h', 0) + lines.get('arch.c', 0)
        print(f'arch/{arch}: {sum(lines.values())} lines, {codec} of them page tables')
        if codec > 400:
            findings.add(f'arch/{arch}: {codec} lines of page tables, more than 400')


def freestanding(findings, root, clang):
    """Compiles every file for every machine with its own architecture alone, and with all of them for one machine of 64
    bits and one of 32: that is all that they know of the machine."""
    flags = ['-std=c11', '-O0', '-ffreestanding', '-nostdlibinc', '-c', '-o', os.devnull, '-Wall', '-Wextra', '-Werror',
             '-Wundef', '-Wno-unused-parameter', '-Iinclude', '-Isrc', '-Iarch', '-I.']
    # The conformance suite runs inside kernels too.
    suite = [path for path, _ in files(root) if path.startswith('ports/selftest/conformance/') and path.endswith('.c')]
    listed = sources(root) + sorted(suite)
    headers = [path for path, _ in files(root) if path.startswith('include/')]
    jobs = []
    for target, arch, bits, more in TARGETS:
        machine = [clang, '-target', target] + more
        one = [f'-DQUIRE_ARCH={arch}', f'-DQUIRE_CONFIG_VA_BITS={bits}']
        if arch in WITH_ALL:
            jobs += [(target, path, machine + flags + [path]) for path in listed]
        jobs += [(f'{target} alone', path, machine + one + flags + [path]) for path in listed]
    # A public header says what it needs by itself, to C and to C++.
    for language in (['-x', 'c'], ['-x', 'c++', '-std=c++11']):
        plain = [flag for flag in flags if flag != '-std=c11' or language[1] == 'c']
        jobs += [(f'header as {language[1]}', path, [clang] + language + plain + ['-Wno-unused-function', path])
                 for path in headers]
    count = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        attempt = lambda job: subprocess.run(job[2], cwd=root, capture_output=True, text=True)
        for (kind, path, _), done in zip(jobs, pool.map(attempt, jobs)):
            good, of = count.get(kind, (0, 0))
            count[kind] = (good + (done.returncode == 0), of + 1)
            if done.returncode:
                findings.add(f'{kind}: {path}\n{done.stderr}')
    for kind, (good, of) in count.items():
        print(f'{kind}: {good} of {of} files compile')
    for path in headers:
        lines = open(os.path.join(root, path)).read().count('\n')
        if lines > 400:
            findings.add(f'{path}: {lines} lines, more than 400')


def inline(findings, root, work, *cc):
    os.makedirs(work, exist_ok=True)
    probe = os.path.join(work, 'probe.c')
    with open(probe, 'w') as out:
        out.write(PROBE)
    include = ['-I' + os.path.join(root, d) for d in ('include', 'src', 'arch', '')]
    for arch in ONE_ARCH + ('',):
        define = [f'-DQUIRE_ARCH={arch}'] if arch else []
        assembly = run(list(cc) + ['-std=c11', '-O2', '-fno-pic', '-ffreestanding', '-S', '-o', '-'] + define + include +
                       [probe])
        indirect = len(re.findall(r'^\s+(?:call|jmp)q?\s+\*|^\s+blr\s|^\s+(?:c\.)?jalr\s', assembly, re.M))
        if arch:
            print(f'{arch}: {indirect} indirect calls')
            if indirect:
                findings.add(f'a build for {arch} calls through pointers')
        elif not indirect:
            findings.add('the probe finds no indirect call where all are linked: it cannot tell')


def main():
    commands = {'symbols': symbols, 'source': source, 'freestanding': freestanding, 'inline': inline}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    findings = Findings()
    commands[sys.argv[1]](findings, *sys.argv[2:])
    print(f'{findings.count} failures')
    return findings.count != 0


if __name__ == '__main__':
    sys.exit(main())
