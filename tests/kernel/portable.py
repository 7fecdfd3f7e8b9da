#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves that the kernel's shared files know no architecture.

usage: portable.py ROOT WORK CLANG NM          the check; CLANG: a command, with ccache perhaps
       portable.py ROOT WORK CLANG NM --plant  plants one violation of each kind: each must be found

1. Every file of ports/kernel/sources.txt and arch/common compiles for five architectures, against a machine of no registers.
2. What they leave open together is the contract (arch/include/arch.h), the library, and the system calls that
   are an architecture's own; every function of the contract is asked for by one of them.
3. No register, number or structure of x86 is named outside arch/x86, arch/i386, arch/pc and abi/, in comments neither."""
import concurrent.futures
import os
import re
import subprocess
import sys

# Machine, its programs, the library's architecture, bits of an address, options, its own system calls. Two have a disk.
TARGETS = (
    ('x86_64-unknown-none', 'x86_64', 'x86_64', 64, ['-DARCH_DISK'], {'sys_arch_prctl'}),
    ('i686-unknown-none', 'i386', 'i386', 32, ['-DARCH_DISK'], {'sys_set_thread_area', 'sys_get_thread_area'}),
    ('armv7-none-eabi', 'arm', 'arm', 32, [], set()),
    ('aarch64-none-elf', 'arm64', 'arm64', 64, [], set()),
    ('riscv64-unknown-elf', 'riscv64', 'riscv64', 64, ['-march=rv64gc'], {'sys_riscv_flush_icache'}),
)
FLAGS = ['-std=gnu11', '-O0', '-ffreestanding', '-nostdlibinc', '-fno-pic', '-Wall', '-Wextra', '-Werror', '-Wundef', '-Wshadow',
         '-Wstrict-prototypes', '-Wmissing-prototypes', '-Wvla', '-Wpointer-arith', '-fno-common',
         '-Wno-unused-parameter', '-Wno-missing-field-initializers', '-DQUIRE_CONFIG_CHECK=1']

# What compilers call for arithmetic of their own, on 32-bit machines mostly.
COMPILER = re.compile(r'^(__(u?div|u?mod|ashl|ashr|lshr|mul|udivmod|clz|ctz|bswap)[a-z]+\d|__aeabi_\w+|_GLOBAL_OFFSET_TABLE_)$')
# The conformance suite, which the self-test runs.
LIBRARY = re.compile(r'^(quire_|conformance_tables$)')

REGISTERS = r'[re][abcd]x|[re][sd]i|[re][bsi]p|[re]flags|r(?:[89]|1[0-5])[dwb]?|cr[0234]|[cdefgs]s_base|[xy]mm\d+|mxcsr'
MACHINE = (r'gdt|idt|tss|ldt|msr|i?o?apic|lapic|tsc|cpuid|pit|rtc|pvh|isa[-_]debug[-_]exit|debugcon|uart|16550|8259|'
           r'iretq?|sysretq?|swapgs|syscall_entry|invlpg|smap|smep|umip|nxe|efer|x87|sse\d?|avx\d*|f?xsave|fxrstor|'
           r'fsgsbase|pml[45]|pdpt|non-canonical|x86(?:[-_]64)?|i[3456]86|amd64|ia32|intel')
NUMBERS = (r'0x3f8|0x2f8|0xe9|0xf4|0xfee00000|0xfec00000|0x555555554000|0x7ffffffff000|0x7fffffffffff|'
           r'0xffffffff80000000|0xffff888000000000|0xffffc90000000000')
OTHERS = r'QUIRE_VECTOR_PAGE_FAULT|quire_arch_x86_64|mcontext|ucontext|sw_bytes|_fpx\w*'
WORDS = re.compile(rf'(?<![\w.-])(?:{REGISTERS}|{MACHINE}|{NUMBERS}|{OTHERS})(?![\w-])', re.I)

SHARED = ('port', 'kern', 'fs', 'extras', 'arch/include', 'arch/common')

# Planted: a name of x86 in a comment, a register that only an architecture may touch, a call to nothing.
PLANTED_WORD = ('ports/kernel/kern/signal.c', '/* the frame lies below %rsp */\n')
PLANTED_FIELD = '#include "kern/task.h"\nuint64_t planted(const struct regs *r);\n' \
                'uint64_t planted(const struct regs *r)\n{\n\treturn r->sp;\n}\n'
PLANTED_CALL = 'void arch_planted(void);\nvoid planted(void);\nvoid planted(void)\n{\n\tarch_planted();\n}\n'


class Findings:
    def __init__(self):
        self.found = []

    def add(self, kind, text):
        self.found.append(kind)
        print(f'{kind}: {text}')


def listed(root):
    folder = os.path.join(root, 'ports/kernel')
    lines = (line.strip() for line in open(os.path.join(folder, 'sources.txt')))
    common = os.path.join(folder, 'arch/common')
    return [os.path.join(folder, line) for line in lines if line and not line.startswith('#')] + \
        [os.path.join(common, name) for name in sorted(os.listdir(common)) if name.endswith('.c')]


def compile_all(findings, root, work, clang, files):
    """Objects by target."""
    kernel = os.path.join(root, 'ports/kernel')
    include = [os.path.join(root, 'tests/kernel/bare'), kernel, os.path.join(kernel, 'arch/include'),
               os.path.join(root, 'include'), os.path.join(root, 'ports/selftest/conformance')]
    jobs, objects = [], {}
    for target, abi, arch, bits, more, _ in TARGETS:
        folder = os.path.join(work, abi)
        os.makedirs(folder, exist_ok=True)
        objects[abi] = []
        for path in files:
            name = os.path.basename(os.path.dirname(path)) + '_' + os.path.basename(path)
            out = os.path.join(folder, name.replace('.c', '.o'))
            objects[abi].append(out)
            jobs.append((abi, path, [*clang.split(), '-target', target, *more, *FLAGS, f'-DQUIRE_ARCH={arch}',
                                     f'-DQUIRE_CONFIG_VA_BITS={bits}', f'-DSTUB_ABI="abi/{abi}.h"',
                                     *('-I' + i for i in include), '-c', '-o', out, path]))
    attempt = lambda job: subprocess.run(job[2], capture_output=True, text=True)
    count = dict.fromkeys(objects, 0)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (abi, path, _), done in zip(jobs, pool.map(attempt, jobs)):
            count[abi] += done.returncode == 0
            if done.returncode:
                findings.add('compile', f'{abi}: {os.path.relpath(path, root)}\n{done.stderr}')
    for abi, good in count.items():
        print(f'{abi}: {good} of {len(files)} files compile')
    return objects


def contract(root):
    """The functions of arch.h."""
    text = open(os.path.join(root, 'ports/kernel/arch/include/arch.h')).read()
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    return set(re.findall(r'\b(arch_\w+)\([^;{]*\)[^;{]*;', text))


def symbols(findings, root, nm, objects, whole):
    functions = contract(root)
    asked = set()
    for target, paths in zip(TARGETS, objects.values()):
        abi, own = target[1], target[5]
        defined, opened = set(), set()
        there = [path for path in paths if os.path.exists(path)]
        for line in subprocess.run([nm, *there], capture_output=True, text=True, check=True).stdout.splitlines():
            part = line.split()
            if len(part) == 2 and part[0] == 'U':
                opened.add(part[1])
            elif len(part) == 3 and part[1].isupper():
                defined.add(part[2])
        asked |= opened & functions  # arch/common has some of them
        opened -= defined
        for name in sorted(opened - functions):
            if name not in own and not LIBRARY.match(name) and not COMPILER.match(name):
                findings.add('symbol', f'{abi}: {name} is neither the kernel\'s nor the contract\'s nor the library\'s')
        helpers = sorted(name for name in opened if COMPILER.match(name))
        print(f'{abi}: asks the compiler\'s library for {", ".join(helpers) or "nothing"}')
    print(f'contract: {len(functions)} functions')
    for name in sorted(functions - asked if whole else ()):
        findings.add('contract', f'{name} is in the contract, and nobody asks for it')


def shared_texts(root):
    texts = {}
    for top in SHARED:
        for folder, _, names in os.walk(os.path.join(root, 'ports/kernel', top)):
            for name in names:
                path = os.path.join(folder, name)
                texts[os.path.relpath(path, root)] = open(path, encoding='utf-8').read()
    return texts


def words(findings, texts):
    for path, text in sorted(texts.items()):
        for number, line in enumerate(text.split('\n'), 1):
            for found in WORDS.finditer(line):
                findings.add('word', f'{path}:{number}: {found.group()}')
    print(f'{len(texts)} files read for names of x86')


def check(root, work, clang, nm, plant):
    findings = Findings()
    files, texts = [] if plant else listed(root), shared_texts(root)
    if plant:
        path, text = PLANTED_WORD
        texts[path] += text
        os.makedirs(work, exist_ok=True)
        for name, text in (('planted_field.c', PLANTED_FIELD), ('planted_call.c', PLANTED_CALL)):
            files.append(os.path.join(work, name))
            open(files[-1], 'w').write(text)
    objects = compile_all(findings, root, work, clang, files)
    symbols(findings, root, nm, objects, not plant)
    words(findings, texts)
    return findings.found


def main():
    if len(sys.argv) not in (5, 6) or sys.argv[5:] not in ([], ['--plant']):
        raise SystemExit(__doc__)
    plant = len(sys.argv) == 6
    found = check(*sys.argv[1:5], plant)
    if plant:
        expected = ['compile'] * len(TARGETS) + ['symbol'] * len(TARGETS) + ['word']
        print('each planted violation was found' if found == expected else f'FAILED: found {found}, not {expected}')
        return found != expected
    print(f'{len(found)} failures')
    return len(found) != 0


if __name__ == '__main__':
    sys.exit(main())
