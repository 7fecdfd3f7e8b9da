#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves that a lower floor of the library neither includes nor calls a higher one.

usage: floors.py check ROOT NM LIBRARY          the tree, and the library that was built from it
       floors.py seeded ROOT WORK NM CC [ARG..] plants each violation in a copy; the check must find it

Found are: an include of a higher floor, one that resolves to no file or to a file on no floor, headers that
include each other in a circle, and a symbol that a higher floor defines (a call, or an address taken)."""
import os
import re
import shutil
import subprocess
import sys

# The floors of DESIGN.md, lowest first. Folders of one line may use each other.
FLOORS = (
    ('include/quire',),
    ('arch',),
    ('src/base',),
    ('src/page',),
    ('src/pt',),
    ('src/file', 'src/kmap'),
    ('src/swap', 'src/reclaim'),
    ('src/mm', 'src/fault'),
    ('src/system',),
)
TOPS = ('include', 'arch', 'src')

# The one include that a macro names, and the headers that it may stand for.
BY_MACRO = {'src/base/arch.h': 'arch/variant'}


def floor(path):
    """The floor of a file; None: on none."""
    for number, folders in enumerate(FLOORS):
        if path.startswith(tuple(folder + '/' for folder in folders)):
            return number
    return None


def sources(root):
    lines = (line.strip() for line in open(os.path.join(root, 'sources.txt')))
    return [line for line in lines if line and not line.startswith('#')]


def texts(root):
    """Every C file of the library: path, text."""
    for top in TOPS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    path = os.path.relpath(os.path.join(folder, name), root)
                    yield path, open(os.path.join(root, path), encoding='utf-8').read()


def resolve(root, path, name):
    """The file that `#include "name"` in `path` means, as the compiler looks for it; None: there is none."""
    for folder in (os.path.dirname(path), 'include', 'src', 'arch', '.'):
        option = os.path.normpath(os.path.join(folder, name))
        if os.path.isfile(os.path.join(root, option)):
            return option
    return None


def includes_of(root, path, text, findings):
    """The files of the tree that a file includes."""
    found = []
    for quote, name in re.findall(r'^\s*#\s*include\s+(["<])([^">]+)[">]', text, re.M):
        if quote == '<' and not name.startswith('quire/'):
            continue  # the compiler's own: layering.py has the list
        target = resolve(root, path, name)
        if target:
            found.append(target)
        else:
            findings.append(f'{path} includes {name}, which is no file of the tree')
    for name in re.findall(r'^\s*#\s*include\s+([A-Z]\w*)', text, re.M):
        if path not in BY_MACRO:
            findings.append(f'{path} includes by the macro {name}')
            continue
        folder = BY_MACRO[path]
        found += [f'{folder}/{header}' for header in sorted(os.listdir(os.path.join(root, folder)))]
    return found


def circles(graph, findings):
    """Reports each circle once: a depth-first walk without recursion."""
    state = {}
    for start in sorted(graph):
        if start in state:
            continue
        way, todo = [], [(start, iter(graph[start]))]
        state[start] = 'open'
        way.append(start)
        while todo:
            node, rest = todo[-1]
            for target in rest:
                if state.get(target) == 'open':
                    circle = way[way.index(target):] + [target]
                    findings.append('headers in a circle: ' + ' -> '.join(circle))
                elif target not in state:
                    state[target] = 'open'
                    way.append(target)
                    todo.append((target, iter(graph.get(target, ()))))
                    break
            else:
                state[node] = 'done'
                way.pop()
                todo.pop()


def check_includes(root, findings):
    graph, count = {}, 0
    for path, text in texts(root):
        own = floor(path)
        if own is None:
            findings.append(f'{path} is on no floor')
            continue
        graph[path] = includes_of(root, path, text, findings)
        for target in graph[path]:
            count += 1
            other = floor(target)
            if other is None:
                findings.append(f'{path} includes {target}, which is on no floor')
            elif other > own:
                findings.append(f'{path} (floor {own}) includes {target} (floor {other})')
    circles(graph, findings)
    return len(graph), count


def symbols(nm, files):
    """What each object defines and needs: {object name: (defined, needed)}."""
    done = subprocess.run([nm, '-A', '-g', *files], capture_output=True, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        where, _, rest = line.rpartition(':')
        part = rest.split()
        member = re.split(r'[:/]', where.rstrip(':'))[-1]
        defined, needed = found.setdefault(member, (set(), set()))
        if len(part) >= 2:
            (needed if part[-2] in 'Uw' else defined).add(part[-1])
    return found


def check_calls(root, nm, files, findings):
    objects = symbols(nm, files)
    # Object files are named after their sources, with the folders joined.
    named = {path.replace('/', '_') + '.o': path for path in sources(root)}
    home = {}
    for member, (defined, _) in objects.items():
        if member not in named:
            findings.append(f'{member} is an object of no file in sources.txt')
            continue
        home.update(dict.fromkeys(defined, named[member]))
    for member in sorted(set(named) - set(objects)):
        findings.append(f'{named[member]} has no object: its calls were not seen')
    count = 0
    for member, (_, needed) in sorted(objects.items()):
        path = named.get(member)
        for name in sorted(needed):
            if path and name in home:
                count += 1
                if floor(home[name]) > floor(path):
                    findings.append(f'{path} (floor {floor(path)}) needs {name}() of {home[name]} '
                                    f'(floor {floor(home[name])})')
    return len(objects), count


def check(root, nm, files):
    findings = []
    headers = check_includes(root, findings)
    calls = check_calls(root, nm, files, findings)
    return findings, (f'{headers[0]} files, {headers[1]} includes; '
                      f'{calls[0]} objects, {calls[1]} symbols of other objects')


# --- seeded violations ------------------------------------------------------------------------------------

# What, the file, the text added at its end, and a part of the finding.
SEEDS = (
    ('an upward include', 'src/file/file.h', '#include "mm/mm.h"\n', 'src/file/file.h (floor 5) includes src/mm/mm.h'),
    ('an include that resolves to no file', 'src/file/file.h', '#include "mm/none.h"\n', 'which is no file of the tree'),
    ('an include of a file on no floor', 'src/mm/mm.h', '#include "ports/sim/sim.h"\n', 'which is on no floor'),
    ('a folder on no floor', 'src/util/util.h', '/* new */\n', 'src/util/util.h is on no floor'),
    ('a circle of two headers', 'src/base/system.h', '#include "page/page.h"\n', 'headers in a circle'),
    ('a circle within a floor', 'src/page/frames.h', '#include "page/page.h"\n', 'headers in a circle'),
    ('an upward call', 'src/page/page.c',
     'void qr_cache_dirty(struct qr_page *page);\nvoid qr_seed(struct qr_page *page);\n'
     'void qr_seed(struct qr_page *page)\n{\n\tqr_cache_dirty(page);\n}\n',
     'src/page/page.c (floor 3) needs qr_cache_dirty() of src/file/cache.c'),
    ('an upward address', 'src/base/lock.c',
     'void quire_mm_put(struct quire_mm *mm);\nvoid (*qr_seed(void))(struct quire_mm *mm);\n'
     'void (*qr_seed(void))(struct quire_mm *mm)\n{\n\treturn quire_mm_put;\n}\n',
     'src/base/lock.c (floor 2) needs quire_mm_put() of src/mm/mm.c'),
)


class Copy:
    """A copy of the library's tree with its objects."""

    def __init__(self, root, work, cc):
        self.root, self.objects, self.cc = os.path.join(work, 'tree'), os.path.join(work, 'objects'), cc
        shutil.rmtree(work, ignore_errors=True)
        for top in TOPS:
            shutil.copytree(os.path.join(root, top), os.path.join(self.root, top))
        # A header that exists and is on no floor.
        os.makedirs(os.path.join(self.root, 'ports/sim'))
        for name in ('sources.txt', 'ports/sim/sim.h'):
            shutil.copy(os.path.join(root, name), os.path.join(self.root, name))
        os.makedirs(self.objects)
        for path in sources(root):
            self.compile(path)

    def compile(self, path):
        target = os.path.join(self.objects, path.replace('/', '_') + '.o')
        flags = ['-std=c11', '-O1', '-ffreestanding', '-Iinclude', '-Isrc', '-Iarch', '-I.', '-c', '-o', target, path]
        subprocess.run([*self.cc, *flags], cwd=self.root, check=True)

    def check(self, nm):
        files = [os.path.join(self.objects, name) for name in sorted(os.listdir(self.objects))]
        return check(self.root, nm, files)

    def plant(self, path, text):
        """Adds text to a file; returns what undoes it."""
        full = os.path.join(self.root, path)
        before = open(full).read() if os.path.exists(full) else None
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'a') as out:
            out.write(text)
        if path.endswith('.c'):
            self.compile(path)

        def undo():
            if before is None:
                shutil.rmtree(os.path.dirname(full))
                return
            with open(full, 'w') as out:
                out.write(before)
            if path.endswith('.c'):
                self.compile(path)
        return undo


def seeded(root, work, nm, *cc):
    copy = Copy(root, os.path.abspath(work), cc)
    findings, _ = copy.check(nm)
    failures = [f'the clean copy: {finding}' for finding in findings]
    for what, path, text, expected in SEEDS:
        undo = copy.plant(path, text)
        findings, _ = copy.check(nm)
        undo()
        hits = [finding for finding in findings if expected in finding]
        print(f'{what} in {path}: ' + (hits[0] if hits else 'NOT FOUND'))
        if not hits:
            failures.append(f'{what} in {path} was not found')
    return failures


def main():
    if len(sys.argv) == 5 and sys.argv[1] == 'check':
        findings, summary = check(sys.argv[2], sys.argv[3], sys.argv[4:])
        print(summary)
    elif len(sys.argv) >= 6 and sys.argv[1] == 'seeded':
        findings = seeded(*sys.argv[2:])
    else:
        raise SystemExit(__doc__)
    for finding in findings:
        print('FAILED:', finding)
    return len(findings) != 0


if __name__ == '__main__':
    sys.exit(main())
