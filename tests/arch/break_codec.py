#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks one rule of the page tables at a time and proves that the tests see it.

usage: break_codec.py SOURCE_ROOT WORK_DIR CC [ARG...]

Each break replaces one piece of text, or each of a tuple, in a copy of a source file. The conformance suite must fail on every
break of LAWS, in the codecs, and of WALKER, in src/pt; the literals on every break of MANUALS, where a codec
stays in agreement with itself but no longer with the hardware. Unbroken, both must pass. A break whose
text is not found exactly once is an error, so that the lists cannot rot."""
import concurrent.futures
import os
import shutil
import subprocess
import sys

# (header, architecture, what is broken, text, text instead)
LAWS = [
    ('x86/pte.h', 'x86_64', 'make forgets XD', '? 0 : X86_XD)', '? 0 : 0)'),
    ('x86/pte.h', 'x86_64', 'prot ignores R/W', 'if (pte.bits & X86_RW)\n\t\tprot |=', 'if (0)\n\t\tprot |='),
    ('x86/pte.h', 'i386', 'swap values lie one bit lower than they are read', '<< X86_SWAP_SHIFT | X86_RW',
     '<< (X86_SWAP_SHIFT - 1) | X86_RW'),
    ('x86/pte.h', 'x86_64', 'user mode uses kernel pages', '&& !(pte.bits & X86_US))', '&& 0)'),
    ('x86/pte.h', 'x86_64', 'a large leaf without PS', '\tif (level > 0)\n\t\tbits |= X86_PS;', ''),
    ('x86/pte.h', 'i386', 'NX is claimed', '.caps = X86_CAPS, .level',
     '.caps = X86_CAPS | QUIRE_CAP_NX, .level'),
    ('x86/pte.h', 'x86_64', 'a wrong shift in the geometry', '{9, 12 + 9 * (n), 8, may_be_leaf, 4096}',
     '{9, 12 + 8 * (n), 8, may_be_leaf, 4096}'),
    ('x86/pte.h', 'x86_64', 'clearing DIRTY clears A too', 'pte.bits &= ~X86_D;', 'pte.bits &= ~(X86_D | X86_A);'),
    ('x86/pte.h', 'x86_64', 'a reserved bit passes for a leaf', 'uint64_t free = X86_RW | X86_A | X86_D;',
     'uint64_t free = X86_RW | X86_A | X86_D | QR_BIT(9);'),
    ('arm/pte.h', 'arm', 'a clean leaf is writable to the hardware', '\t\t\tattr |= ARM_AP2;', '\t\t\tattr |= 0;'),
    ('arm/pte.h', 'arm', 'an old leaf forgets XN', '(prot & QUIRE_PROT_EXEC ? 0 : ARM_OLD_XN)', '0'),
    ('arm/pte.h', 'arm', 'an old leaf stays valid', '} else if (!(flags & QUIRE_PTE_YOUNG)) {', '} else if (0) {'),
    ('arm/pte.h', 'arm', 'a kept leaf forgets YOUNG', 'attr |= flags & QUIRE_PTE_YOUNG ? ARM_KEPT_YOUNG : 0;', ''),
    ('arm/pte.h', 'arm', 'a table is smaller than its entries', '{8, 12, 4, 1, 1024}', '{8, 12, 4, 1, 512}'),
    ('arm64/pte.h', 'arm64', 'AF is not looked at', '(pte.bits & (ARM64_VALID | ARM64_AF)) != (ARM64_VALID | ARM64_AF)',
     '!(pte.bits & ARM64_VALID)'),
    ('arm64/pte.h', 'arm64', 'a clean leaf is writable to the hardware',
     'if ((bits & (ARM64_WRITE | ARM64_DIRTY)) != (ARM64_WRITE | ARM64_DIRTY))', 'if (!(bits & ARM64_WRITE))'),
    ('arm64/pte.h', 'arm64', 'execute-only is readable', 'bits |= prot & QUIRE_PROT_READ ? ARM64_AP1 : 0;',
     'bits |= ARM64_AP1;'),
    ('arm64/pte.h', 'arm64', 'a kernel page is executable by users', '\t\tbits |= ARM64_UXN;\n',
     '\t\tbits |= prot & QUIRE_PROT_EXEC ? ARM64_AP1 : ARM64_UXN;\n'),
    ('arm64/pte.h', 'arm64_16k', 'frames of 16 KiB counted in 4 KiB', '(pfn.n << arch->page_shift)', '(pfn.n << 12)'),
    ('arm64/pte.h', 'arm64', 'a kept leaf stays valid', '? ARM64_VALID : ARM64_KEPT;', '? ARM64_VALID : ARM64_VALID | ARM64_KEPT;'),
    ('arm64/pte.h', 'arm64', 'users start where the kernel does', '.user_end = QR_BIT(bits)',
     '.user_end = -QR_BIT(bits) + 4096'),
    ('riscv/pte.h', 'riscv64', 'a store through D = 0 passes', 'need |= RISCV_W | RISCV_D;', 'need |= RISCV_W;'),
    ('riscv/pte.h', 'riscv64', 'A is not looked at', 'uint64_t need = RISCV_V | RISCV_A;', 'uint64_t need = RISCV_V;'),
    ('riscv/pte.h', 'riscv64', 'W without R is a leaf', '!leaf || (bits & (RISCV_R | RISCV_W)) == RISCV_W ||', '!leaf ||'),
    ('riscv/pte.h', 'riscv64', 'execute-only is refused', 'return qr_prot_check(prot, true, true);',
     'return qr_prot_check(prot, true, false);'),
    ('riscv/pte.h', 'riscv64_sv48', 'a table loses its lowest bit', '>> RISCV_PPN_DOWN | RISCV_V);',
     '>> (RISCV_PPN_DOWN + 1) | RISCV_V);'),
    ('toy/pte.h', 'toy', 'hardware dirty is claimed', 'QUIRE_CAP_HW_YOUNG | QUIRE_CAP_NX',
     'QUIRE_CAP_HW_YOUNG | QUIRE_CAP_HW_DIRTY | QUIRE_CAP_NX'),
    ('toy/pte.h', 'toy', 'a leaf where none is allowed', '\tif (!qr_leaf_allowed(arch, level))\n\t\treturn QUIRE_PTE_BAD;\n',
     ''),
    ('toy/pte.h', 'toy', 'with_prot loses young and dirty', 'prot, toy_flags(arch, pte, level), level);', 'prot, 0, level);'),
    ('toy/pte.h', 'toy', 'the two lowest bits of a frame change places',
     ('uint64_t bits = (pfn.n << 12)', 'return (quire_pfn){(pte.bits & qr_leaf_mask(arch, level)) >> 12};'),
     ('uint64_t bits = (((pfn.n & ~UINT64_C(3)) | (pfn.n & 1) << 1 | (pfn.n >> 1 & 1)) << 12)',
      'uint64_t n = (pte.bits & qr_leaf_mask(arch, level)) >> 12;\n'
      '\treturn (quire_pfn){(n & ~UINT64_C(3)) | (n & 1) << 1 | (n >> 1 & 1)};')),
    ('toy/pte.h', 'toy', 'user and kernel overlap', '.user_end = 0x180000', '.user_end = 0x1C0000'),
]

MANUALS = [
    ('x86/pte.h', 'x86_64', 'XD one bit lower', '#define X86_XD   QR_BIT(63)', '#define X86_XD   QR_BIT(62)'),
    ('x86/pte.h', 'x86_64', 'A in the place of PWT', '#define X86_A    QR_BIT(5)', '#define X86_A    QR_BIT(3)'),
    ('arm/pte.h', 'arm', 'AP2 in the place of nG', '#define ARM_AP2   QR_BIT(5)', '#define ARM_AP2   QR_BIT(7)'),
    ('arm/pte.h', 'arm', 'XN of a section in the place of a page', 'return level == 0 ? QR_BIT(0) : QR_BIT(4);',
     'return QR_BIT(0);'),
    ('arm64/pte.h', 'arm64', 'AF in the place of nG', '#define ARM64_AF    QR_BIT(10)', '#define ARM64_AF    QR_BIT(11)'),
    ('arm64/pte.h', 'arm64', 'PXN in a bit of software', '#define ARM64_PXN   QR_BIT(53)', '#define ARM64_PXN   QR_BIT(56)'),
    ('arm64/pte.h', 'arm64', 'outer instead of inner shareable', '#define ARM64_SH    QR_BITS(8, 9)',
     '#define ARM64_SH    QR_BIT(9)'),
    ('riscv/pte.h', 'riscv64', 'D in a bit of software', '#define RISCV_D    QR_BIT(7)', '#define RISCV_D    QR_BIT(9)'),
    ('riscv/pte.h', 'riscv64', 'frames not shifted down', '#define RISCV_PPN_DOWN   2', '#define RISCV_PPN_DOWN   1'),
]

# On ARM, which emulates the most: (file, what is broken, text, text instead)
WALKER = [
    ('src/pt/protect.c', 'WRITE is given to leaves that are to ask',
     'quire_prot guarded = to->prot & ~(quire_prot)QUIRE_PROT_WRITE;', 'quire_prot guarded = to->prot;'),
    ('src/pt/protect.c', 'the last entry of a run is left out', 'entry + run->count * stride;',
     'entry + (run->count - 1) * stride;'),
    ('src/pt/unmap.c', 'the reverse map keeps what is unmapped',
     'uint32_t left = qr_rmap_del_to(un->system, page, entry, &un->chunks);', 'uint32_t left = qr_rmap_count(page);'),
    ('src/pt/unmap.c', 'swap entries are not counted', 'un->swap += !qr_swap_is_marker(arch->swap_value(arch, pte));', ';'),
    ('src/pt/age.c', 'young stays', 'clear | QUIRE_PTE_YOUNG)', 'clear)'),
    ('src/pt/age.c', 'what is harvested is lost', 'qr_leaf_harvest(pt->system, page, lost);', ';'),
    ('src/pt/copy.c', 'the parent keeps WRITE',
     'copy->rule.parent = (qr_pte_bits)(pte.bits ^ after.bits);', 'copy->rule.parent = 0;'),
    ('src/pt/copy.c', 'the child is young', 'unsigned clear = QUIRE_PTE_YOUNG;', 'unsigned clear = 0;'),
    ('src/pt/move.c', 'the old entry stays', 'pte = qr_pte_xchg(arch, 0, source, (quire_pte){0});', ''),
    ('src/pt/map.c', 'a mapping holds no reference', '\tqr_page_get(page);\n', ''),
]

# The conformance suite, and its hosted main.
SUITE = ('tests/conformance/', 'ports/selftest/conformance/')


class Bench:
    """Objects of everything, compiled once."""

    def __init__(self, root, work, cc, more=()):
        self.root, self.work = root, work
        flags = ['-std=c11', '-O1', '-w', '-ffreestanding']
        self.cc = cc + flags + list(more)
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        self.include = ['-I' + os.path.join(root, d) for d in ('include', 'src', 'arch', '', SUITE[1])]
        lines = [line.strip() for line in open(os.path.join(root, 'sources.txt'))]
        suite = ['tests/conformance/main.c'] + [SUITE[1] + name for name in sorted(os.listdir(
            os.path.join(root, SUITE[1]))) if name.endswith('.c')]
        chosen = [s for s in lines if s and not s.startswith('#')] + suite + ['tests/arch/literals.c']
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            self.objects = dict(zip(chosen, pool.map(lambda s: self.compile(s, self.include), chosen)))

    def compile(self, source, include, name=None):
        out = os.path.join(self.work, (name or source).replace('/', '_') + '.o')
        subprocess.run(self.cc + include + ['-c', source, '-o', out], cwd=self.root, check=True)
        return out

    def link(self, objects, name, mains, libraries=()):
        """The library as an archive: a test takes of it what it needs."""
        out = os.path.join(self.work, name)
        archive = out + '.a'
        if os.path.exists(archive):
            os.unlink(archive)
        library = [o for s, o in objects.items() if not s.startswith(('tests/',) + SUITE)]
        subprocess.run(['ar', 'rcs', archive] + library, check=True)
        subprocess.run(self.cc + ['-no-pie'] + [objects[s] for s in mains] + [archive, '-o', out] + list(libraries),
                       check=True)
        return out

    def programs(self, objects):
        suite = [s for s in objects if s.startswith(SUITE)]
        return (self.link(objects, 'conformance', suite),
                self.link(objects, 'literals', ['tests/arch/literals.c'], ['-lcmocka']))

    def broken(self, path, text, instead, source):
        """The objects with `path` changed, and `source` compiled with it: from a copy of its folder."""
        top = path.split('/')[0]
        copy = os.path.join(self.work, top)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(os.path.join(self.root, top), copy)
        code = open(os.path.join(self.work, path)).read()
        for old, new in zip(text, instead) if isinstance(text, tuple) else [(text, instead)]:
            if code.count(old) != 1:
                raise SystemExit(f'{path}: {code.count(old)} places of: {old!r}')
            code = code.replace(old, new)
        # The header's own static assertions would refuse some breaks: the tests are on trial here.
        code = code.replace('_Static_assert(', '_Static_assert(1 || ')
        open(os.path.join(self.work, path), 'w').write(code)
        broken = dict(self.objects)
        broken[source] = self.compile(os.path.join(self.work, source), ['-I' + copy] + self.include, 'broken')
        return broken


def verdict(command):
    """True: passed; False: failed with a complaint. A crash or a hang is neither."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    if done.returncode == 0:
        return True
    # cmocka returns the number of failed tests.
    if 0 < done.returncode < 100 and 'FAILED' in done.stdout + done.stderr:
        return False
    raise SystemExit(f'{command}: status {done.returncode}\n{done.stdout}{done.stderr}')


def main():
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    # Without the library's own assertions: it is the suite that is to find what is broken.
    bench = Bench(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:],
                  ['-DQUIRE_CONFIG_CHECK=0'])
    conformance, literals = bench.programs(bench.objects)
    if not verdict([conformance]) or not verdict([literals]):
        raise SystemExit('unbroken, a test fails already')
    trials = [('conformance', 'arch/' + header, arch, what, text, instead, f'arch/{os.path.dirname(header)}/arch.c')
              for header, arch, what, text, instead in LAWS]
    trials += [('literals', 'arch/' + header, arch, what, text, instead, f'arch/{os.path.dirname(header)}/arch.c')
               for header, arch, what, text, instead in MANUALS]
    trials += [('conformance', path, 'arm', what, text, instead, path) for path, what, text, instead in WALKER]
    survivors = 0
    for judge, path, arch, what, text, instead, source in trials:
        conformance, literals = bench.programs(bench.broken(path, text, instead, source))
        seen = [name for name, command in (('conformance', [conformance, arch]), ('literals', [literals]))
                if not verdict(command)]
        survivors += judge not in seen
        print(f'{"caught" if judge in seen else "SURVIVED"}  {path} {arch}: {what} (by {" and ".join(seen) or "nobody"})')
    print(f'{len(trials)} breaks, {survivors} survived')
    return survivors != 0


if __name__ == '__main__':
    sys.exit(main())
