#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the tree to its rules: what may lie in it, how long things may be, what must be documented.

usage: tree.py check ROOT            everything but the layout
       tree.py format ROOT           the layout, by clang-format as Debian 12 packages it; 77: it is not there
       tree.py seeded ROOT WORK      plants each violation in a copy; the check must find it

Rules: the root has the entries listed here; no link dangles; no build product is tracked; every file is named by
a build file, a script, a document or an include; a file has at most 600 lines, a folder of the kernel's arch 2,500,
and a function six parameters; every function of include/quire has a comment of its own, which says what a status
means; every member of a public struct that the library is given is read by it; PORTING.md counts and lists the
contracts as they are."""
import fnmatch
import os
import re
import shutil
import subprocess
import sys

ROOT_ENTRIES = {
    '.ci', '.clang-format', '.editorconfig', '.gitignore', 'CHANGELOG.md', 'CONTRIBUTING.md', 'DESIGN.md', 'LICENSE',
    'Makefile', 'PORTING.md', 'README.md', 'arch', 'bench', 'debian', 'docs', 'include', 'meson.build', 'meson_options.txt',
    'ports', 'scenarios', 'scripts', 'sources.txt', 'src', 'tests', 'tools',
}
PRODUCTS = ('*.o', '*.a', '*.so', '*.elf', '*.d', '*.pyc', '*.gcda', '*.gcno', 'a.out', 'core', 'build.ninja',
            'compile_commands.json')
PRODUCT_MAGIC = (b'\x7fELF', b'!<arch>\n', b'!<thin>\n')

# Files that somebody looks for by their own name, and files that are taken by their folder or suffix.
BY_NAME = ('meson.build', 'README.md', '.gitignore', '.editorconfig', 'LICENSE', '.ci/*')
BY_FOLDER = ('arch/variant/*.h', 'ports/kernel/abi/*', 'scenarios/*.scn')

LONGEST_FILE = 600
ARCH_FOLDERS = 'ports/kernel/arch/'
LONGEST_ARCH_FOLDER = 2500
MOST_PARAMETERS = 6
# Written by a program: two halves would not read better.
LARGER_FILES = {'tools/conform-static/recorded.h': 821}
CLANG_FORMAT = '14'

# Structs that a port fills in: every member must be of consequence.
GIVEN = (
    ('include/quire/system.h', 'quire_config'), ('include/quire/system.h', 'quire_ram'),
    ('include/quire/profile.h', 'quire_profile'), ('include/quire/file.h', 'quire_file_ops'),
    ('include/quire/mm.h', 'quire_mm_layout'), ('include/quire/mm.h', 'quire_mapping'),
    ('include/quire/mm.h', 'quire_remapping'), ('include/quire/fault.h', 'quire_trap'),
    ('include/quire/port/host.h', 'quire_host'),
)
NUMBERS = ('zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen '
           'seventeen eighteen nineteen twenty').split()


class Tree:
    """The files under a root: those that Git tracks, or in a copy without Git all of them."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        if os.path.exists(os.path.join(self.root, '.git')):
            done = subprocess.run(['git', 'ls-files', '-z'], cwd=self.root, capture_output=True, text=True, check=True)
            self.files = [path for path in done.stdout.split('\0') if path and os.path.lexists(self.full(path))]
        else:
            self.files = sorted(os.path.relpath(os.path.join(folder, name), self.root)
                                for folder, _, names in os.walk(self.root) for name in names)

    def full(self, path):
        return os.path.join(self.root, path)

    def bytes(self, path):
        with open(self.full(path), 'rb') as file:
            return file.read()

    def text(self, path):
        return self.bytes(path).decode('utf-8', 'replace')

    def of(self, *suffixes):
        return [path for path in self.files if path.endswith(suffixes) and not os.path.islink(self.full(path))]


# --- what lies where ----------------------------------------------------------------------------------------

def check_places(tree):
    for entry in sorted({path.split('/')[0] for path in tree.files} - ROOT_ENTRIES):
        yield f'{entry}: not an entry that the root is to have'
    for path in tree.files:
        if os.path.islink(tree.full(path)):
            if not os.path.exists(tree.full(path)):
                yield f'{path}: a link to nothing ({os.readlink(tree.full(path))})'
            continue
        name = os.path.basename(path)
        if any(fnmatch.fnmatch(name, pattern) for pattern in PRODUCTS) or tree.bytes(path).startswith(PRODUCT_MAGIC):
            yield f'{path}: a build product'


def words_of(text):
    """Everything that may be the name of a file: words with dots and dashes, and their last parts."""
    return set(re.findall(r'[\w.+-]+', text))


def check_named(tree):
    """A file that nothing names is forgotten: it is not built, not run, not read."""
    spoken = {}  # word: the files that have it, two at most
    for path in tree.of('.build', 'Makefile', '.txt', '.py', '.sh', '.md', '.1', '.5', '.ld', '.run') + ['.ci/run']:
        if os.path.exists(tree.full(path)):
            for word in words_of(tree.text(path)):
                spoken.setdefault(word, set()).add(path)
    for path in tree.of('.c', '.h', '.S', '.def'):
        for name in re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]|\.incbin\s+"([^"]+)"', tree.text(path), re.M):
            spoken.setdefault(os.path.basename(name[0] or name[1]), set()).add(path)
    for path in tree.files:
        name = os.path.basename(path)
        if name in BY_NAME or any(fnmatch.fnmatch(path, pattern) for pattern in BY_NAME + BY_FOLDER):
            continue
        # Build files join names: 'test_' + name + '.c'.
        stem = re.sub(r'^test_', '', name.rsplit('.', 1)[0])
        builds = {os.path.join(folder, 'meson.build') for folder in parents(path)}
        if not spoken.get(name, set()) - {path} and not spoken.get(stem, set()) & builds \
                and not folder_is_taken(tree, path, spoken):
            yield f'{path}: no build file, script, document or include names it'


def parents(path):
    while path:
        path = os.path.dirname(path)
        yield path


def folder_is_taken(tree, path, spoken):
    """Whether a build file or script names the folder that a data file lies in, which it then takes whole."""
    if path.endswith(('.c', '.h', '.S', '.py', '.sh')):
        return False
    folder = os.path.basename(os.path.dirname(path))
    return any(user.endswith(('.build', '.py', '.sh', 'Makefile', 'run')) for user in spoken.get(folder, ()))


# --- sizes ---------------------------------------------------------------------------------------------------

def without_comments(text):
    """Code with comments and strings blanked, line breaks kept."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"', lambda match: '\n' * match.group().count('\n'), text,
                  flags=re.S)


FUNCTION = re.compile(r'^[A-Za-z_][\w \t*]*?\b(\w+)\(((?:[^(){};]|\([^(){};]*\))*)\)[\w \t\n()]*[;{]', re.M)


def parameters(text):
    """How many parameters a list has."""
    depth, count = 0, 1
    for letter in text:
        depth += (letter == '(') - (letter == ')')
        count += letter == ',' and depth == 0
    return 0 if text.strip() in ('', 'void') else count


def check_sizes(tree):
    for path in tree.of('.c', '.h', '.S', '.py'):
        lines = tree.text(path).count('\n')
        most = LARGER_FILES.get(path, LONGEST_FILE)
        if lines > most:
            yield f'{path}: {lines} lines, more than {most}'
    folders = {}
    for path in tree.of(''):
        if path.startswith(ARCH_FOLDERS):
            folder = ARCH_FOLDERS + path[len(ARCH_FOLDERS):].split('/')[0]
            folders[folder] = folders.get(folder, 0) + tree.text(path).count('\n')
    for folder, lines in sorted(folders.items()):
        if lines > LONGEST_ARCH_FOLDER:
            yield f'{folder}: {lines} lines, more than {LONGEST_ARCH_FOLDER}'
    for path in tree.of('.c', '.h'):
        code = without_comments(tree.text(path))
        for match in FUNCTION.finditer(code):
            count = parameters(match.group(2))
            if count > MOST_PARAMETERS:
                line = code[:match.start()].count('\n') + 1
                yield f'{path}:{line}: {match.group(1)}() has {count} parameters, more than {MOST_PARAMETERS}'


# --- public headers ------------------------------------------------------------------------------------------

def check_documented(tree):
    """A function's own comment ends on the line before it."""
    for path in tree.of('.h'):
        if not path.startswith('include/quire/'):
            continue
        lines = tree.text(path).split('\n')
        code = without_comments(tree.text(path))
        for match in FUNCTION.finditer(code):
            name = match.group(1)
            if not name.startswith('quire_') or match.group(0).startswith(('typedef', 'return')):
                continue
            at = code[:match.start()].count('\n')
            start = at - 1
            if at == 0 or not lines[at - 1].rstrip().endswith('*/'):
                yield f'{path}:{at + 1}: {name}() has no comment of its own'
                continue
            while start > 0 and '/*' not in lines[start]:
                start -= 1
            comment = '\n'.join(lines[start:at])
            if comment.lstrip().startswith('/* ---'):
                yield f'{path}:{at + 1}: {name}() has no comment of its own'
            elif not match.group(0).startswith(('void ', 'static inline void ')) and 'eturns' not in comment:
                yield f'{path}:{at + 1}: the comment of {name}() does not say what it returns'


def members(text, struct):
    """The members of a struct, by name: the plain ones and the pointers to functions."""
    code = without_comments(text)
    start = code.index(f'struct {struct} {{') + len(f'struct {struct} {{')
    depth, end = 1, start
    while depth:
        depth += (code[end] == '{') - (code[end] == '}')
        end += 1
    found = []
    for declaration in code[start:end - 1].split(';'):
        pointer = re.search(r'\(\*(\w+)\)', declaration)
        if pointer:
            found.append(pointer.group(1))
        elif declaration.strip():
            for part in declaration.split(','):
                found.append(re.findall(r'(\w+)(?:\s*\[[^\]]*\])*\s*$', part)[0])
    return found


def check_members(tree):
    used = {word for path in tree.of('.c', '.h') if path.startswith(('src/', 'arch/', 'include/'))
            for word in re.findall(r'(?:->|\.)\s*(\w+)\b(?!\s*=[^=])', without_comments(tree.text(path)))}
    for path, struct in GIVEN:
        for name in members(tree.text(path), struct):
            if name not in used:
                yield f'{path}: nothing in the library reads {struct}.{name}'


def check_contracts(tree):
    """PORTING.md says how many functions a port has, and has each in a table."""
    guide = tree.text('PORTING.md')
    host = tree.text('include/quire/port/host.h')
    functions = re.findall(r'\(\*(\w+)\)\(', host[host.index('struct quire_host {'):])
    wanted = f'`struct quire_host`, {NUMBERS[len(functions)]} functions, one of them required'
    if wanted not in ' '.join(guide.split()):
        yield f'PORTING.md: does not say "{wanted}"'
    for name in functions:
        if f'`{name}`' not in guide:
            yield f'PORTING.md: does not list {name} of struct quire_host'
    arch = tree.text('include/quire/port/arch.h')
    count = len(re.findall(r'\(\*(\w+)\)\(', arch[arch.index('struct quire_arch {'):arch.index('\n};\n\n/* The arch')]))
    for path in ('PORTING.md', 'DESIGN.md'):
        if f'{NUMBERS[count]} ' not in tree.text(path):
            yield f'{path}: does not say that the arch contract has {NUMBERS[count]} functions'


# --- the layout -----------------------------------------------------------------------------------------------

def check_format(tree):
    """None where the packaged clang-format is absent."""
    program = shutil.which(f'clang-format-{CLANG_FORMAT}') or shutil.which('clang-format')
    version = subprocess.run([program, '--version'], capture_output=True, text=True).stdout if program else ''
    if not re.search(rf'version {CLANG_FORMAT}\.', version):
        return None
    paths = tree.of('.c', '.h')
    done = subprocess.run([program, '--dry-run', *paths], cwd=tree.root, capture_output=True, text=True)
    bad = sorted(set(re.findall(r'^([^\s:]+):\d+:\d+: warning: code should be clang-formatted', done.stderr, re.M)))
    return [f'{path}: not laid out by .clang-format (make format)' for path in bad]


CHECKS = (check_places, check_named, check_sizes, check_documented, check_members, check_contracts)


def findings_of(tree, checks=CHECKS):
    return [finding for check in checks for finding in check(tree)]


# --- seeded violations ------------------------------------------------------------------------------------------

# Joined here, so that this file does not name it.
FORGOTTEN = 'for' + 'gotten'

# What, the check, the file, the text added at its end (or a link's target, or text replaced), a part of the finding.
SEEDS = (
    ('a stray file in the root', check_places, 'log.txt', 'a line\n', 'log.txt: not an entry'),
    ('a dangling link', check_places, 'tools/collect2', '-> /nowhere/collect2', 'tools/collect2: a link to nothing'),
    ('a build product by its name', check_places, 'src/mm/mm.o', 'x\n', 'src/mm/mm.o: a build product'),
    ('a build product by its content', check_places, 'tools/program', '\x7fELF\n', 'tools/program: a build product'),
    ('a file that nothing names', check_named, f'tests/mm/{FORGOTTEN}.c', '/* */\n', f'{FORGOTTEN}.c: no build file'),
    ('a header that nothing includes', check_named, f'src/mm/{FORGOTTEN}.h', '/* */\n', f'{FORGOTTEN}.h: no build file'),
    ('a file of 600 lines and more', check_sizes, 'src/mm/brk.c', '\n' * 600, 'src/mm/brk.c: 7'),
    ('an architecture of 2,500 lines and more', check_sizes, 'ports/kernel/arch/pc/meson.build', '\n' * 2500,
     'ports/kernel/arch/pc: 4'),
    ('a function of seven parameters', check_sizes, 'src/mm/brk.c',
     'static int seed(int a, int b, int c, int d, int e, int f, int g)\n{\n\treturn a;\n}\n', 'seed() has 7 parameters'),
    ('an undocumented public function', check_documented, 'include/quire/mm.h',
     '\nvoid quire_seed(struct quire_mm *mm);\n', 'quire_seed() has no comment of its own'),
    ('a comment that two functions share', check_documented, 'include/quire/mm.h',
     '/* Returns it. */\nint quire_one(void);\nint quire_seed(void);\n', 'quire_seed() has no comment of its own'),
    ('a status that no comment explains', check_documented, 'include/quire/mm.h',
     '/* Seeds. */\nenum quire_status quire_seed(void);\n', 'quire_seed() does not say what it returns'),
    ('a profile field that nobody reads', check_members, 'include/quire/profile.h',
     ('struct quire_profile {\n', 'struct quire_profile {\n\tuint32_t seed_rule;\n'), 'quire_profile.seed_rule'),
    ('a host member that nobody calls', check_members, 'include/quire/port/host.h',
     ('struct quire_host {\n', 'struct quire_host {\n\tvoid (*seed)(void *host);\n'), 'quire_host.seed'),
    ('a member that PORTING.md does not list', check_contracts, 'include/quire/port/host.h',
     ('struct quire_host {\n', 'struct quire_host {\n\tvoid (*seed)(void *host);\n'), 'does not list seed'),
    ('a file that is not laid out', check_format, 'src/base/lock.c', 'int  seed( void );\n', 'src/base/lock.c: not laid'),
)


def plant(tree, path, change):
    """Changes a file of a copy; returns what undoes it."""
    full = tree.full(path)
    before = open(full).read() if os.path.exists(full) else None
    if isinstance(change, tuple):
        if before.count(change[0]) != 1:
            raise SystemExit(f'{path} does not have {change[0]!r} once')
        text = before.replace(*change)
    else:
        text = (before or '') + change
    if isinstance(change, str) and change.startswith('-> '):
        os.symlink(change[3:], full)
    else:
        with open(full, 'w') as out:
            out.write(text)

    def undo():
        os.unlink(full)
        if before is not None:
            with open(full, 'w') as out:
                out.write(before)
    return undo


def seeded(root, work):
    """What was not found, in a copy of the tree."""
    original, work = Tree(root), os.path.abspath(work)
    shutil.rmtree(work, ignore_errors=True)
    for path in original.files:
        os.makedirs(os.path.dirname(os.path.join(work, path)), exist_ok=True)
        shutil.copy(original.full(path), os.path.join(work, path), follow_symlinks=False)
    failures = []
    for what, check, path, change, expected in SEEDS:
        if check is check_format and check(Tree(work)) is None:
            print(f'{what}: skipped, there is no clang-format {CLANG_FORMAT}')
            continue
        before = set(check(Tree(work)))
        undo = plant(Tree(work), path, change)
        found = list(check(Tree(work)))
        undo()
        hits = [finding for finding in found if expected in finding and finding not in before]
        print(f'{what}: ' + (hits[0] if hits else 'NOT FOUND'))
        if not hits:
            failures.append(f'{what} was not found')
    shutil.rmtree(work)
    return failures


def main():
    if len(sys.argv) == 3 and sys.argv[1] == 'check':
        tree = Tree(sys.argv[2])
        findings = findings_of(tree)
        print(f'{len(tree.files)} files')
    elif len(sys.argv) == 3 and sys.argv[1] == 'format':
        findings = check_format(Tree(sys.argv[2]))
        if findings is None:
            print(f'there is no clang-format {CLANG_FORMAT}')
            return 77
    elif len(sys.argv) == 4 and sys.argv[1] == 'seeded':
        findings = seeded(*sys.argv[2:])
    else:
        raise SystemExit(__doc__)
    for finding in findings:
        print('FAILED:', finding)
    return len(findings) != 0


if __name__ == '__main__':
    sys.exit(main())
