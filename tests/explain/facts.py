#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reports made from a table of facts, and each line that quire explain says of them, literally, in stories.txt.

A fact is what happened; the templates print it as the kernel of that machine and release does. stories.txt has
the same names in the same order. `facts.py quire --write` writes it anew: then every line is to be judged again."""
import pathlib
import subprocess
import sys

STORIES = pathlib.Path(__file__).with_name('stories.txt')


def registers(pairs, width, columns=3, name=str):
    cells = [f'{name(key)}: {value:0{width}x}' for key, value in pairs.items()]
    return '\n'.join(' '.join(cells[i:i + columns]) for i in range(0, len(cells), columns))


def x86_new(f):
    """x86-64 since 5.1."""
    null = f['address'] < 4096
    access = 'instruction fetch' if f['code'] & 16 else 'write access' if f['code'] & 2 else 'read access'
    why = 'permissions violation' if f['code'] & 1 else 'not-present page'
    head = ('kernel NULL pointer dereference, address: ' if null else 'unable to handle page fault for address: ')
    return f'''BUG: {head}{f['address']:016x}
#PF: supervisor {access} in kernel mode
#PF: error_code(0x{f['code']:04x}) - {why}
{f.get('walk', 'PGD 0 P4D 0')}
Oops: {f['code']:04x} [#1] {f.get('flags', 'PREEMPT SMP NOPTI')}
CPU: 1 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
RIP: 0010:{f['place']}
Code: {f.get('bytes', 'Unable to access opcode bytes at 0xffffffffc0001000.')}
RSP: 0018:ffffa1b2c0d3fe30 EFLAGS: {f.get('eflags', 0x10246):08x}
{registers(f.get('registers', {}), 16, name=str.upper)}
CR2: {f['address']:016x} CR3: 000000010a4f8000 CR4: {f.get('cr4', 0x6f0):016x}
'''


def x86_middle(f):
    """x86-64 of 3.10 to 4.9: the address of the instruction twice."""
    kind = 'NULL pointer dereference' if f['address'] < 4096 else 'paging request'
    return f'''BUG: unable to handle kernel {kind} at {f['address']:016x}
IP: [<{f['pc']:016x}>] {f['place']}
{f.get('walk', 'PGD 0')}
Oops: {f['code']:04x} [#1] SMP
CPU: 0 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
RIP: 0010:[<{f['pc']:016x}>]  [<{f['pc']:016x}>] {f['place']}
RSP: 0018:ffff88003d5fbe30  EFLAGS: 00010246
{registers(f.get('registers', {}), 16, name=str.upper)}
CR2: {f['address']:016x} CR3: 000000003a4f8000 CR4: {f.get('cr4', 0x6f0):016x}
Code: {f.get('bytes', ' Bad RIP value.')}
'''


def i386_old(f):
    """i386 of 2.4."""
    kind = 'NULL pointer dereference' if f['address'] < 4096 else 'paging request'
    return f'''Unable to handle kernel {kind} at virtual address {f['address']:08x}
 printing eip:
{f['pc']:08x}
*pde = {f.get('pde', 0):08x}
Oops: {f['code']:04x}
CPU:    0
EIP:    0010:[<{f['pc']:08x}>]    Not tainted
EFLAGS: 00010246
{registers(f.get('registers', {}), 8, 4)}
Process {f['task']} (pid: {f.get('pid', 71)}, stackpage=c6f3d000)
Code: {f.get('bytes', ' Bad EIP value.')}
'''


def segfault(f):
    where = f" in {f['object']}" if 'object' in f else ''
    return f'''{f['task']}[{f.get('pid', 71)}]: segfault at {f['address']:x} ip {f['pc']:016x} sp {f['sp']:016x} error {f['code']:x}{where}
'''


def arm(f):
    null = f['address'] < 4096
    head = f"Unable to handle kernel {'NULL pointer dereference' if null else 'paging request'} at virtual address {f['address']:08x}"
    inner = 'Oops: ' if not f.get('unhandled') else ': '
    if f.get('unhandled'):
        head = f"Unhandled fault: {f['unhandled']} (0x{f['code']:03x}) at 0x{f['address']:08x}"
    return f'''{head}
pgd = c0004000
[{f['address']:08x}] {f.get('walk', '*pgd=00000000')}
Internal error: {inner}{f['code']:x} [#1] {f.get('flags', 'PREEMPT SMP ARM')}
CPU: 0 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
PC is at {f['place']}
LR is at demo_caller+0x20/0x80
pc : [<{f['pc']:08x}>]    lr : [<c0104560>]    psr: 60000013
sp : {f.get('sp', 0xc6f3dee0):08x}  ip : 00000000  fp : c6f3def4
{registers(f.get('registers', {}), 8, 4, lambda name: name.ljust(3))}
Code: {f.get('words', 'bad PC value')}
'''


def arm_user(f):
    return f'''{f['task']}: unhandled page fault (11) at 0x{f['address']:08x}, code 0x{f['code']:03x}
pgd = c397c000
[{f['address']:08x}] {f.get('walk', '*pgd=00000000')}
CPU: 0 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
PC is at 0x{f['pc']:x}
LR is at 0x10400
pc : [<{f['pc']:08x}>]    lr : [<00010400>]    psr: {f.get('psr', 0x600f0010):08x}
sp : bee1fd58  ip : 00000000  fp : bee1fd64
'''


def arm64(f):
    kind = f.get('kind') or ('NULL pointer dereference' if f['address'] < 4096 else 'paging request')
    return f'''Unable to handle kernel {kind} at virtual address {f['address']:016x}
Mem abort info:
  ESR = 0x{f['code']:016x}
{f.get('pgtable', 'swapper pgtable: 4k pages, 48-bit VAs, pgdp=0000000041a2b000')}
[{f['address']:016x}] {f.get('walk', 'pgd=0000000000000000')}
Internal error: Oops: {f['code']:016x} [#1] PREEMPT SMP
CPU: 3 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)
pc : {f['place']}
lr : demo_caller+0x2c/0x80
sp : ffff80000b0d3c10
{registers(f.get('registers', {}), 16)}
Code: {f.get('words', 'bad PC value')}
'''


def arm64_user(f):
    return f'''{f['task']}[{f.get('pid', 71)}]: unhandled exception: {f['name']}, ESR 0x{f['code']:016x}, {f['fault']} in {f['object']}
CPU: 1 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
pc : {f['pc']:016x}
lr : 0000000000400500
'''


def riscv(f):
    null = f['address'] < 4096
    kind = f.get('kind') or ('NULL pointer dereference' if null else 'paging request')
    return f'''Unable to handle kernel {kind} at virtual address {f['address']:016x}
Oops [#1]
CPU: 0 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
epc : {f['place']}
 ra : demo_caller+0x1c/0x40
epc : {f['pc']:016x} ra : ffffffff80204000 sp : ff2000000000bd90
status: {f.get('status', 0x200000120):016x} badaddr: {f['address']:016x} cause: {f['code']:016x}
'''


def riscv_user(f):
    return f'''{f['task']}[{f.get('pid', 71)}]: unhandled signal {f.get('signal', 11)} code 0x{f['si_code']:x} at 0x{f['address']:016x} in {f['object']}
CPU: 0 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
epc : {f['pc']:016x} ra : 0000000000010600 sp : 0000003ffff0bd90
status: 0000000200004020 badaddr: {f['address']:016x} cause: {f['code']:016x}
'''


def protection(f):
    return f'''general protection fault{f.get('guess', '')}: 0000 [#1] SMP
CPU: 2 PID: {f.get('pid', 71)} Comm: {f['task']} Not tainted {f['version']} #1
RIP: 0010:{f['place']}
Code: {f['bytes']}
RSP: 0018:ffffa1b2c0d3fe30 EFLAGS: 00010246
{registers(f['registers'], 16, name=str.upper)}
'''


LOAD_RAX_RDI_8 = '55 <48> 8b 47 08 c3'
STORE_RDI_RAX = '55 <48> 89 07 c3'
STORE_RDI_RCX4 = '55 <89> 04 8f c3'
USER_WALK = 'PGD 10a4f9067 P4D 10a4f9067 PUD 10a4fa067 PMD 10a4fb067 PTE '
KERNEL_WALK = 'PGD 100000067 P4D 100000067 PUD 1001f2067 PMD 100bc8067 PTE '

FACTS = [
    # x86-64, 5.1 to 6.x
    (x86_new, 'member of null, 5.10', dict(version='5.10.0', address=8, code=0, task='reader', place='demo_read+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rax': 1, 'rdi': 0})),
    (x86_new, 'member of null under SMAP, 5.10', dict(version='5.10.0', address=8, code=0, task='reader', place='demo_read+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rdi': 0}, cr4=0x3506f0)),
    (x86_new, 'member of null under SMAP, 5.15', dict(version='5.15.0', address=8, code=0, task='reader', place='demo_read+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rdi': 0}, cr4=0x3506f0)),
    (x86_new, 'SMAP, but AC is set, 6.1', dict(version='6.1.0', address=0x7f1200001000, code=0, task='copier', place='demo_copy+0x4/0x10', eflags=0x50246, cr4=0x3506f0)),
    (x86_new, 'write to a user page, no SMAP, 5.4', dict(version='5.4.0', address=0x7f1200001000, code=3, task='poker', place='demo_poke+0x4/0x10', bytes=STORE_RDI_RAX, registers={'rdi': 0x7f1200001000}, walk=USER_WALK + '800000011e6f1865')),
    (x86_new, 'write to read-only kernel text, 6.6', dict(version='6.6.0', address=0xffffffff81234560, code=3, task='patcher', place='demo_patch+0x4/0x10', bytes=STORE_RDI_RAX, registers={'rdi': 0xffffffff81234560}, walk='PGD 2a15067 P4D 2a15067 PUD 2a16063 PMD 12000a1')),
    (x86_new, 'use after vfree, 6.1', dict(version='6.1.0', address=0xffffc90000a5f008, code=0, task='looker', place='demo_look+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rdi': 0xffffc90000a5f000}, walk=KERNEL_WALK + '0')),
    (x86_new, 'error pointer, 5.15', dict(version='5.15.0', address=0xfffffffffffffffc, code=0, task='opener', place='demo_open+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rdi': 0xfffffffffffffff4})),
    (x86_new, 'list poison, 6.1', dict(version='6.1.0', address=0xdead000000000108, code=2, task='unlinker', place='demo_del+0x4/0x10')),
    (x86_new, 'call through null, 5.10', dict(version='5.10.0', address=0, code=0x10, task='caller', place='0x0', bytes='Bad RIP value.')),
    (x86_new, 'call through null, 6.1', dict(version='6.1.0', address=0, code=0x10, task='caller', place='0x0', bytes='Unable to access opcode bytes at 0xffffffffffffffd6.')),
    (x86_new, 'jump to data, 6.6', dict(version='6.6.0', address=0xffff888104a21000, code=0x11, task='jumper', place='0xffff888104a21000', walk=KERNEL_WALK + '8000000104a21163')),
    (x86_new, 'jump to a user page under SMEP, 5.4', dict(version='5.4.0', address=0x401000, code=0x11, task='jumper', place='0x401000', cr4=0x1006f0, walk=USER_WALK + '11e6f1825')),
    (x86_new, 'jump to a user page, 5.15', dict(version='5.15.0', address=0x401000, code=0x11, task='jumper', place='0x401000', cr4=0x1006f0, walk=USER_WALK + '11e6f1825')),
    (x86_new, 'reserved bit, 6.8', dict(version='6.8.0', address=0xffffc90000a5f000, code=9, task='corrupt', place='demo_read+0x4/0x10', walk='PGD 100000067 P4D 100000067 PUD 1001f2067 PMD 100bc8067 PTE 80f0000104a21163')),
    (x86_new, 'five levels, 6.6', dict(version='6.6.0', address=0xff1100007fc01000, code=2, task='wide', place='demo_wide+0x4/0x10', walk='PGD 100000067 P4D 100001067 PUD 0')),
    (x86_new, 'wide index, 6.1', dict(version='6.1.0', address=0xffff888104a25004, code=2, task='indexer', place='demo_index+0x4/0x10', bytes=STORE_RDI_RCX4, registers={'rcx': 0x1001, 'rdi': 0xffff888104a21000})),
    (x86_new, 'registers that disagree, 6.1', dict(version='6.1.0', address=0xffff888104a25004, code=2, task='racer', place='demo_race+0x4/0x10', bytes=STORE_RDI_RAX, registers={'rdi': 0xffff888100000000})),
    (x86_new, 'protection key, 6.6', dict(version='6.6.0', address=0x7f1200001000, code=0x21, task='keyed', place='demo_copy+0x4/0x10', walk=USER_WALK + '0800000011e6f1867')),
    (x86_new, 'string as a pointer, 6.1', dict(version='6.1.0', address=0x6f77206f6c6c6568, code=0, task='speller', place='demo_read+0x4/0x10')),
    # x86-64, 3.10 to 4.19
    (x86_middle, 'member of null, 3.10', dict(version='3.10.0', address=0x38, code=2, pc=0xffffffffa0012345, task='writer', place='demo_write+0x15/0x40 [demo]', bytes='55 <48> 89 47 38 c3', registers={'rdi': 0})),
    (x86_middle, 'vmalloc area, 4.4', dict(version='4.4.0', address=0xffffc90000a5f000, code=0, pc=0xffffffff81234567, task='reader', place='demo_read+0x7/0x40', walk='PGD 13b8f067 PUD 13b90067 PMD 13b91067 PTE 0')),
    (x86_middle, 'direct map, 4.4', dict(version='4.4.0', address=0xffff8800badc0de0, code=0, pc=0xffffffff81234567, task='reader', place='demo_read+0x7/0x40')),
    (x86_middle, 'vmemmap, 4.4', dict(version='4.4.0', address=0xffffea0012345678, code=0, pc=0xffffffff81234567, task='pager', place='demo_page+0x7/0x40')),
    (x86_middle, 'the same with KASLR of memory, 4.9', dict(version='4.9.0', address=0xffffea0012345678, code=0, pc=0xffffffff81234567, task='pager', place='demo_page+0x7/0x40')),
    (x86_middle, 'list poison of old, 3.10', dict(version='3.10.0', address=0xdead000000200200, code=2, pc=0xffffffff81234567, task='unlinker', place='demo_del+0x7/0x40')),
    (x86_middle, 'SMAP, 4.9', dict(version='4.9.0', address=0x7f1200001000, code=1, pc=0xffffffff81234567, task='peeker', place='demo_peek+0x7/0x40', cr4=0x2006f0)),
    # i386
    (i386_old, 'member of null, 2.4', dict(address=0x1c, code=2, pc=0xc0123456, task='writer', bytes='89 42 1c c3', registers={'eax': 5, 'edx': 0, 'esp': 0xc6f3def0})),
    (i386_old, 'poison of the time, 2.4', dict(address=0x5a5a5a5a, code=0, pc=0xc0123456, task='reader', bytes='8b 02 c3', registers={'edx': 0x5a5a5a5a, 'esp': 0xc6f3def0})),
    (i386_old, 'user half, 2.4', dict(address=0x40001000, code=0, pc=0xc0123456, task='peeker', pde=0x6c1a067, registers={'esp': 0xc6f3def0})),
    (i386_old, 'a kernel split at 2 GiB, 2.4', dict(address=0x90001000, code=0, pc=0x80123456, task='reader', registers={'esp': 0x86f3def0})),
    # programs on x86
    (segfault, 'null read', dict(task='crash', address=0, pc=0x401136, sp=0x7ffd00001000, code=4, object='crash[401000+1000]')),
    (segfault, 'unmapped write', dict(task='crash', address=0x7f1200001000, pc=0x401136, sp=0x7ffd00001000, code=6, object='crash[401000+1000]')),
    (segfault, 'read-only write', dict(task='crash', address=0x402000, pc=0x401136, sp=0x7ffd00001000, code=7, object='crash[401000+1000]')),
    (segfault, 'fetch from data', dict(task='crash', address=0x404000, pc=0x404000, sp=0x7ffd00001000, code=0x15, object='crash[404000+1000]')),
    (segfault, 'stack overflow', dict(task='crash', address=0x7ffd000ffff8, pc=0x401136, sp=0x7ffd00100000, code=6, object='crash[401000+1000]')),
    (segfault, 'kernel address', dict(task='crash', address=0xffffffff81000000, pc=0x401136, sp=0x7ffd00001000, code=5, object='crash[401000+1000]')),
    (segfault, 'offset in the file, 6.8', dict(task='crash', address=0x10, pc=0x7f1200001136, sp=0x7ffd00001000, code=4, object='libdemo.so[2136,7f1200000000+3000] likely on CPU 2 (core 1, socket 0)')),
    (segfault, 'protection key', dict(task='crash', address=0x7f1200001000, pc=0x401136, sp=0x7ffd00001000, code=0x25)),
    # ARM
    (arm, 'member of null, 4.19', dict(version='4.19.0', address=0x14, code=0x817, pc=0xbf000034, task='writer', place='demo_write+0x10/0x40 [demo]', words='e3a03000 (e5832014) e89da800', registers={'r3': 0, 'r2': 7}, walk='*pgd=ba5fe831, *pte=00000000, *ppte=00000000')),
    (arm, 'read without SMP, by the instruction', dict(version='3.18.0', address=0x14, code=0x5, pc=0xbf000034, task='reader', flags='PREEMPT ARM', place='demo_read+0x10/0x40 [demo]', words='e3a03000 (e5932014) e89da800', registers={'r3': 0})),
    (arm, 'read or write, not told', dict(version='3.18.0', address=0x14, code=0x5, pc=0xbf000034, task='either', flags='PREEMPT ARM', place='demo_read+0x10/0x40 [demo]')),
    (arm, 'write to a section of the kernel, 5.4', dict(version='5.4.0', address=0xc0123456, code=0x80d, pc=0xbf000034, task='patcher', place='demo_patch+0x10/0x40 [demo]', walk='*pgd=0011940e(bad)')),
    (arm, 'jump to data, 4.14', dict(version='4.14.0', address=0xc6123450, code=0x8000000d, pc=0xc6123450, task='jumper', place='0xc6123450', walk='*pgd=0601141e(bad)')),
    (arm, 'external abort, 4.9', dict(version='4.9.0', address=0xf0123000, code=0x1008, pc=0xc0456780, task='prober', place='demo_readl+0x10/0x40', unhandled='external abort on non-linefetch', walk='*pgd=9f011811, *pte=48002653, *ppte=48002453')),
    (arm, 'imprecise abort, 4.9', dict(version='4.9.0', address=0, code=0x1406, pc=0xc0456780, task='prober', place='demo_writel+0x10/0x40', unhandled='imprecise external abort')),
    (arm, 'domain of user memory, 5.10', dict(version='5.10.0', address=0x10ff0, code=0x1b, pc=0xbf000034, task='poker', place='demo_peek+0x10/0x40 [demo]', unhandled='page domain fault', walk='*pgd=8a4c1835, *pte=8b1d375f, *ppte=8b1d3c7f')),
    (arm, 'long descriptors, 5.10', dict(version='5.10.0', address=0x20, code=0x206, pc=0xbf000034, task='reader', place='demo_read+0x10/0x40 [demo]', walk='*pgd=85387003, *pmd=00000000')),
    (arm, 'a kernel split at 2 GiB', dict(version='5.10.0', address=0x90001000, code=0x5, pc=0x80123450, sp=0x86f3dee0, task='reader', place='demo_read+0x10/0x40')),
    (arm_user, 'read, ARMv7', dict(version='5.10.0', address=0x10, code=0x17, pc=0x10450, task='crash')),
    (arm_user, 'read, or an old CPU', dict(version='3.4.0', address=0x10, code=0x17, pc=0x10450, psr=0x60000010, task='crash')),
    (arm_user, 'read-only write', dict(version='5.10.0', address=0x10450, code=0x80f, pc=0x10450, task='crash')),
    (arm_user, 'fetch', dict(version='5.10.0', address=0xbee1fd00, code=0x8000000f, pc=0xbee1fd00, task='crash')),
    # ARM64
    (arm64, 'member of null, 6.1', dict(version='6.1.0', address=0x18, code=0x96000044, task='writer', place='demo_write+0x10/0x40 [demo]', words='910003fd (f9000c01) d503201f', registers={'x0': 0, 'x1': 7})),
    (arm64, 'kernel thread, 5.19', dict(version='5.19.0', address=0x18, code=0x96000004, task='kworker/1:1', place='demo_work+0x10/0x40', pgtable='', walk='user address but active_mm is swapper')),
    (arm64, 'level 3 absent, 5.15', dict(version='5.15.0', address=0xffff80000a5f0008, code=0x96000007, task='reader', place='demo_read+0x10/0x40', walk='pgd=100000013ffff003, p4d=100000013ffff003, pud=100000013fffe003, pmd=1000000104a21003, pte=0000000000000000', words='910003fd (f9400401) d503201f', registers={'x0': 0xffff80000a5f0000})),
    (arm64, 'read-only, 5.10', dict(version='5.10.0', kind='write to read-only memory', address=0xffff800010a21000, code=0x9600004f, task='patcher', place='demo_patch+0x10/0x40', walk='pgd=180000013ffff003, p4d=180000013ffff003, pud=180000013fffe003, pmd=180000013fffd003, pte=00600001010a2793')),
    (arm64, 'user memory outside uaccess, 5.15', dict(version='5.15.0', kind='access to user memory outside uaccess routines', address=0xffff8a2b1000, code=0x9600000f, task='poker', place='demo_peek+0x10/0x40', walk='pgd=0800000102000003, p4d=0800000102000003, pud=0800000102001003, pmd=0800000102002003, pte=00e8000103a2bf53')),
    (arm64, 'fetch from data, 6.6', dict(version='6.6.0', kind='execute from non-executable memory', address=0xffff0000c1a2b000, code=0x8600000f, task='jumper', place='0xffff0000c1a2b000', walk='pgd=180000013ffff003, p4d=180000013ffff003, pud=180000013fffe003, pmd=180000013fffd003, pte=0068000101a2b707')),
    (arm64, 'list poison, 4.19', dict(version='4.19.0', address=0xdead000000000108, code=0x96000044, task='unlinker', place='demo_del+0x10/0x40', walk='address between user and kernel address ranges')),
    (arm64_user, 'null read, 5.10', dict(version='5.10.0', name='DABT (lower EL)', fault='level 1 translation fault', code=0x92000005, pc=0x400510, object='crash[400000+1000]', task='crash')),
    (arm64_user, 'misaligned pc, 5.10', dict(version='5.10.0', name='SP/PC alignment', fault='SP/PC alignment exception', code=0x8a000000, pc=0x400513, object='crash[400000+1000]', task='crash')),
    # RISC-V
    (riscv, 'member of null, 6.6', dict(version='6.6.0', address=0x18, code=0xd, pc=0xffffffff80456780, task='reader', place='demo_read+0x10/0x40')),
    (riscv, 'user memory outside uaccess, 6.1', dict(version='6.1.0', kind='access to user memory without uaccess routines', address=0x3fc0a01000, code=0xf, pc=0xffffffff80456780, task='poker', place='demo_poke+0x10/0x40')),
    (riscv, 'absent in the kernel half, 5.15', dict(version='5.15.0', address=0xffffffd000a5f000, code=0xf, pc=0xffffffff80456780, task='writer', place='demo_write+0x10/0x40')),
    (riscv, 'fetch, 5.15', dict(version='5.15.0', address=0, code=0xc, pc=0, task='caller', place='0x0')),
    (riscv_user, 'unmapped, 6.6', dict(version='6.6.0', address=0x3fc0a01000, code=0xd, si_code=1, pc=0x10598, object='crash[10000+1000]', task='crash')),
    (riscv_user, 'forbidden, 6.6', dict(version='6.6.0', address=0x10598, code=0xf, si_code=2, pc=0x10598, object='crash[10000+1000]', task='crash')),
    # general protection
    (protection, 'freed memory, 4.19', dict(version='4.19.0', task='freed', place='demo_next+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rdi': 0x6b6b6b6b6b6b6b6b})),
    (protection, 'one bit, 5.4', dict(version='5.4.0', guess=', probably for non-canonical address 0xfffe888104a21008', task='flipped', place='demo_next+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rdi': 0xfffe888104a21000, 'rbx': 0xffff888104a22000})),
    (protection, 'a string, 6.1', dict(version='6.1.0', guess=', probably for non-canonical address 0x6f77206f6c6c6570', task='spelled', place='demo_next+0x4/0x10', bytes=LOAD_RAX_RDI_8, registers={'rdi': 0x6f77206f6c6c6568})),
]


def explain(quire, text):
    done = subprocess.run([quire, 'explain', '-'], input=text.encode(), capture_output=True, timeout=600, check=False)
    return done.stderr.decode() + done.stdout.decode()


def main():
    quire = sys.argv[1]
    have = [(f'{template.__name__}: {name}', explain(quire, template(fact))) for template, name, fact in FACTS]
    text = ''.join(f'=== {name}\n{story}' for name, story in have)
    if sys.argv[2:] == ['--write']:
        STORIES.write_text(text)
        return 0
    want = STORIES.read_text()
    expected = dict(part.split('\n', 1) for part in want.split('=== ')[1:])
    problems = [f'{name}:\n{story}' for name, story in have if expected.get(name) != story]
    if len(have) < 60 or len(expected) != len(have):
        problems.append(f'{len(have)} facts, {len(expected)} stories')
    print('\n'.join(problems))
    print(f'{len(have)} facts, {len(problems)} problems')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
