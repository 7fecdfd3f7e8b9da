#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command itself: options, exit statuses, bare codes, colour, symbols, man page, completion."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

QUIRE, SAMPLE, ROOT, COMPILER = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4:]
LOGS = ROOT / 'tests' / 'explain' / 'logs'
problems = []
checks = 0


def run(*arguments, stdin=b'', env=None):
    return subprocess.run([QUIRE, *arguments], input=stdin, capture_output=True, timeout=600, check=False,
                          env={**os.environ, **(env or {})})


def check(what, good):
    global checks
    checks += 1
    if not good:
        problems.append(what)


def explain_json(*arguments, stdin=b''):
    return json.loads(run('explain', '--json', *arguments, stdin=stdin).stdout)


def statuses():
    log = str(LOGS / 'x86_64-5.15-null-write.log')
    cases = [
        (0, ['explain', log]), (0, ['explain', '--json', log]), (1, ['explain', '--json', '-']),
        (1, ['explain', '/dev/null']), (1, ['explain']), (2, ['explain', '--no-such-option', log]),
        (2, ['explain', '/no/such/file']), (2, ['explain', '--arch', 'vax', log]),
        (2, ['explain', '--profile', 'linux-99', log]), (2, ['explain', '--symbols', '/no/such/image', log]),
        (2, ['explain', '--symbols', log, log]), (2, ['explain', '--color', 'sometimes', log]),
        (2, ['explain', '--mode', 'god', '--arch', 'arm', '0x5']), (2, ['explain', '--address', 'xyz', log]),
        (2, ['explain', '0x5']), (0, ['explain', '--arch', 'arm', '0x5']), (0, ['explain', '0x96000005']),
        (2, ['explain', '--arch', 'arm64', '0x96000005zz']), (2, ['explain', str(LOGS)]),
        (0, ['--version']), (0, ['--help']), (0, ['help']), (0, ['help', 'explain']), (0, ['explain', '--help']),
        (2, []), (2, ['no-such-command']), (2, ['help', 'no-such-command']),
    ]
    for status, arguments in cases:
        result = run(*arguments)
        check(f'quire {" ".join(arguments)}: exit {result.returncode}, not {status}', result.returncode == status)
        if status == 2:
            check(f'quire {" ".join(arguments)}: says nothing', result.stderr)
    check('nothing found is no empty array',
          json.loads(run('explain', '--json', '-', stdin=b'all is well\n').stdout) == [])


def bare_codes():
    cases = [
        (['--arch', 'arm64', '0x96000005', '--address', '0x10'],
         {'arch': 'arm64', 'address': '0x10', 'code': '0x96000005', 'register': 'ESR_EL1', 'access': 'read',
          'mode': 'kernel', 'cause': 'not-present', 'level': 1, 'name': 'level 1 translation fault',
          'handler': 'do_translation_fault', 'signal': 'SIGSEGV', 'si_code': 'SEGV_MAPERR'}),
        (['0x9200004f'], {'arch': 'arm64', 'mode': 'user', 'access': 'write', 'cause': 'permission', 'level': 3,
                          'address': None}),
        (['--arch', 'x86_64', '0x7'], {'register': 'error_code', 'access': 'write', 'mode': 'user',
                                       'cause': 'permission', 'level': None}),
        (['--arch', 'x86_64', '14'], {'code': '0x14', 'access': 'exec', 'mode': 'user', 'cause': 'not-present'}),
        (['--arch', 'i386', '0002'], {'arch': 'i386', 'access': 'write', 'mode': 'kernel'}),
        (['--arch', 'arm', '0x805'], {'register': 'DFSR', 'access': 'write', 'mode': 'unknown',
                                      'cause': 'not-present', 'level': 'section'}),
        (['--arch', 'arm', '--mode', 'user', '0x17'], {'mode': 'user', 'level': 'page'}),
        (['--arch', 'arm', '--ifsr', '0xd'], {'register': 'IFSR', 'access': 'exec', 'cause': 'permission',
                                              'handler': 'do_sect_fault'}),
        (['--arch', 'arm', '0x80000005'], {'register': 'IFSR', 'access': 'exec'}),
        (['--arch', 'arm', '0x1406'], {'cause': 'async-external-abort', 'access': 'unknown'}),
        (['--arch', 'arm-lpae', '0x206'], {'arch': 'arm-lpae', 'level': 2, 'cause': 'not-present'}),
        (['--arch', 'arm-lpae', '0x221'], {'cause': 'alignment', 'signal': 'SIGBUS', 'si_code': 'BUS_ADRALN'}),
        (['--arch', 'riscv64', '13'], {'register': 'scause', 'code': '0xd', 'access': 'read',
                                       'cause': 'page-fault'}),
        (['--arch', 'riscv64', '0xf', '--mode', 'user'], {'access': 'write', 'mode': 'user'}),
        (['--arch', 'riscv64', '5'], {'cause': 'access-fault', 'handler': 'do_trap_access_fault'}),
        (['--arch', 'arm64', '0xbe000000'], {'cause': 'async-external-abort'}),
        (['--arch', 'arm64', '0x56000000'], {'cause': 'not-a-fault', 'signal': None}),
        (['--arch', 'arm64', '0xf2000000'], {'cause': 'debug', 'signal': 'SIGTRAP'}),
        (['--arch', 'arm64', '0x8a000000'], {'cause': 'alignment', 'signal': 'SIGBUS'}),
        (['--arch', 'arm64', '0x9600002b'], {'level': -1, 'cause': 'not-present'}),
        (['--arch', 'arm64', '--profile', 'linux-4.14', '0x96000000'], {'signal': 'SIGBUS', 'si_code': None,
                                                                        'cause': 'address-size', 'level': 0}),
        (['--arch', 'arm64', '--profile', 'linux-6', '0x96000000'], {'signal': 'SIGKILL', 'si_code': 'SI_KERNEL'}),
        (['--arch', 'x86_64', '--profile', 'linux-2.4', '0x1', '--address', 'ffffc90000000000'],
         {'rule': 'vmalloc-spurious', 'profile': 'linux-2.4'}),
        (['--arch', 'x86_64', '--profile', 'linux-6', '0x1', '--address', 'ffffc90000000000'],
         {'rule': 'do_kern_addr_fault', 'profile': 'linux-6'}),
    ]
    for arguments, wanted in cases:
        faults = explain_json(*arguments)
        check(f'{arguments}: {len(faults)} faults', len(faults) == 1)
        for key, value in wanted.items():
            check(f'{arguments}: {key} is {faults[0].get(key)!r}, not {value!r}', faults[0].get(key) == value)
    check('several codes', len(explain_json('--arch', 'x86_64', '0x0', '0x2', '0x4')) == 3)
    check('a code and a log', len(explain_json('0x96000005', str(LOGS / 'arm64-6.1-null.log'))) == 2)


def log_lines():
    """A bare code: what a kernel of the profile prints."""
    def log(*arguments):
        return explain_json(*arguments)[0]['log']

    check('x86', log('--arch', 'x86_64', '0x2', '--address', '0x8') ==
          ['BUG: kernel NULL pointer dereference, address: 0000000000000008',
           '#PF: supervisor write access in kernel mode', '#PF: error_code(0x0002) - not-present page'])
    check('2.4', log('--arch', 'i386', '--profile', 'linux-2.4', '0x0', '--address', '0xc0de0000') ==
          ['Unable to handle kernel paging request at virtual address c0de0000'])
    check('ARM without a handler', log('--arch', 'arm', '--profile', 'linux-2.6', '0x8', '--address', '0x76f00000',
                                       '--mode', 'user') ==
          ['Unhandled fault: external abort on non-linefetch (0x008) at 0x76f00000'])
    lines = log('--profile', 'linux-4.14', '0x96000005', '--address', '0x10')
    check(f'arm64: {lines}', lines[:2] == ['Unable to handle kernel NULL pointer dereference at virtual address '
                                           '0000000000000010', 'Mem abort info:'] and '  CM = 0, WnR = 0' in lines)
    check('a program is not logged so', log('--arch', 'x86_64', '0x6', '--address', '0x8') == [])
    check('an address that is not told', log('--arch', 'x86_64', '0x2') == [])
    check('a mode that is not told', log('--arch', 'arm', '0x5', '--address', '0x8') == [])
    check('a report has its own', log(str(LOGS / 'arm64-6.1-null.log')) == [])
    text = run('explain', '--long', '--arch', 'x86_64', '0x2', '--address', '0x8').stdout
    check('--long', b'\n  log      deduced  BUG: kernel NULL pointer' in text and
          b'           decoded  #PF: error_code(0x0002)' in text)


def hints():
    cases = [
        ('x86_64', '0x0', '0x0', 'null pointer'), ('x86_64', '0x0', '0x38', 'null plus offset'),
        ('x86_64', '0x0', '0xdead000000000100', 'LIST_POISON1'), ('x86_64', '0x2', '0xdead000000000122', 'LIST_POISON2'),
        ('x86_64', '0x2', '0xdead000000000200', 'LIST_POISON2'), ('i386', '0x2', '0x00100104', 'LIST_POISON1'),
        ('arm', '0x805', '0x00200200', 'LIST_POISON2'), ('arm', '0x5', '0x100', 'null pointer plus 0x100'),
        ('x86_64', '0x0', '0x6b6b6b6b6b6b6b6b', 'freed poison'), ('arm', '0x5', '0x6b6b6b9f', 'freed poison'),
        ('x86_64', '0x0', '0x5a5a5a5a5a5a5a5a', 'uninitialized poison'), ('x86_64', '0x0', '0xfefefefefefefefe', 'stack poison'),
        ('x86_64', '0x0', '0xaaaaaaaaaaaaaaaa', 'stack poison'), ('x86_64', '0x0', '0x1234567800000000', 'non-canonical'),
        ('x86_64', '0x0', '0xffffffffffffffea', 'EINVAL'), ('arm', '0x5', '0xfffffff4', 'ENOMEM'),
        ('x86_64', '0x1', '0x7fffdeadb000', 'user pointer in kernel mode'),
        ('x86_64', '0x0', '0x7fffdeadb000', 'user half'),
        ('x86_64', '0x4', '0xffffffff81000000', 'kernel address in user mode'),
        ('x86_64', '0x0', '0xffffffff81000000', "the kernel's own image"), ('arm64', '0x96000004', '0x6f77206f6c6c6568', 'hello wo'),
        ('x86_64', '0x0', '0xdffffc0000000003', 'KASAN'), ('x86_64', '0x15', '0xffffffffff600000', 'vsyscall'),
    ]
    for arch, code, address, text in cases:
        fault = explain_json('--arch', arch, code, '--address', address)[0]
        check(f'{arch} {address}: {fault["hints"]} says nothing of {text}', any(text in h for h in fault['hints']))
    fault = explain_json('--arch', 'x86_64', '0x6', '--address', '7ffd12ffffc8', '--sp', '7ffd12ffffd0')[0]
    check(f'end of stack: {fault["hints"]}', any('end of stack' in h for h in fault['hints']))
    fault = explain_json('--arch', 'x86_64', '0x4', '--address', '555555556000')[0]
    check(f'an ordinary address: {fault["hints"]}', fault['hints'] == [])


def colour():
    log = str(LOGS / 'x86_64-5.15-null-write.log')
    check('always has colour', b'\033[' in run('explain', '--color', 'always', log).stdout)
    check('never has none', b'\033' not in run('explain', '--color', 'never', log).stdout)
    check('a pipe has none', b'\033' not in run('explain', log).stdout)
    for variable, wanted in (({'NO_COLOR': '1'}, False), ({}, True)):
        environment = {k: v for k, v in os.environ.items() if k != 'NO_COLOR'}
        environment.update(variable)
        output = on_terminal([QUIRE, 'explain', log], environment)
        check(f'on a terminal with {variable}', (b'\033[' in output) == wanted)


def on_terminal(arguments, environment):
    import pty
    master, slave = pty.openpty()
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=slave, env=environment) as process:
        os.close(slave)
        output = b''
        try:
            while chunk := os.read(master, 65536):
                output += chunk
        except OSError:  # the other end is closed
            pass
        process.wait()
    os.close(master)
    return output


def symbols():
    table = subprocess.run(['nm', SAMPLE], capture_output=True, text=True, check=True).stdout
    address = int(re.search(r'^([0-9a-f]+) T sample_probe$', table, re.M).group(1), 16)
    by_name = ('BUG: kernel NULL pointer dereference, address: 0000000000000008\n'
               '#PF: error_code(0x0000) - not-present page\nRIP: 0010:sample_probe+0x0/0x10\n')
    by_address = ('BUG: unable to handle kernel NULL pointer dereference at 0000000000000008\n'
                  f'Oops: 0000 [#1] SMP\nRIP: 0010:[<{address:016x}>]\n')
    source = (ROOT / 'tests' / 'explain' / 'sample.c').read_text().splitlines()
    first = next(n for n, line in enumerate(source, 1) if line.startswith('__attribute__'))
    for text in (by_name, by_address):
        fault = explain_json('--symbols', SAMPLE, '-', stdin=text.encode())[0]
        check(f'function: {fault.get("function")}', fault.get('function') == 'sample_probe')
        check(f'file: {fault.get("file")}', str(fault.get('file')).endswith('sample.c'))
        check(f'line: {fault.get("file_line")}', fault.get('file_line') in (first, first + 1, first + 2))
        shown = run('explain', '--symbols', SAMPLE, '-', stdin=text.encode()).stdout.decode()
        check('the text has the line', f'sample.c:{fault.get("file_line")}' in shown)
    slide = 0x1c000000
    shifted = (f'BUG: unable to handle kernel NULL pointer dereference at 0000000000000008\nOops: 0000 [#1] SMP\n'
               f'RIP: 0010:[<{address + slide + 1:016x}>]\nKernel Offset: 0x{slide:x} from 0xffffffff81000000\n')
    with tempfile.NamedTemporaryFile('w', suffix='.map') as system_map:
        system_map.write(f'{address - 64:016x} T sample_before\n{address:016x} T sample_probe\n'
                         f'{address + 64:016x} t sample_behind\tsome_module\n{address + 70:016x} D no_function\n')
        system_map.flush()
        for name, text, offset in (('by name', by_name, 0), ('by address', by_address, 0), ('shifted', shifted, 1)):
            fault = explain_json('--symbols', system_map.name, '-', stdin=text.encode())[0]
            check(f'System.map, {name}: {fault.get("function")}',
                  (fault.get('function'), fault.get('function_offset')) == ('sample_probe', offset))
        fault = explain_json('--symbols', system_map.name, '--symbols', SAMPLE, '-', stdin=by_name.encode())[0]
        check('the last file is asked first', str(fault.get('file')).endswith('sample.c'))
    with tempfile.NamedTemporaryFile('w') as empty:
        check('a file without functions is refused', run('explain', '--symbols', empty.name, '-').returncode == 2)


def module():
    """A relocatable file, as a .ko is, and a function that was inlined into the one that the report names."""
    source = ROOT / 'tests' / 'explain' / 'module.c'
    lines = source.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if 'the line that' in text)
    text = ('BUG: kernel NULL pointer dereference, address: 0000000000000008\n'
            '#PF: error_code(0x0000) - not-present page\nRIP: 0010:module_probe+0x0/0x10 [demo]\n')
    with tempfile.TemporaryDirectory() as folder:
        file = f'{folder}/demo.ko'
        subprocess.run([*COMPILER, '-g', '-O1', '-c', '-o', file, str(source)], check=True)
        fault = explain_json('--symbols', file, '-', stdin=text.encode())[0]
        long = run('explain', '--long', '--symbols', file, '-', stdin=text.encode()).stdout.decode()
    check(f'module: {fault.get("function")}', (fault.get('function'), fault.get('function_offset')) == ('module_probe', 0))
    check(f'module: line {fault.get("file_line")}, not {line}', fault.get('file_line') == line)
    check(f'module: what is inlined: {long}', 'deduced  inlined: module_word\n' in long)


def program():
    """A program that may lie anywhere: by the line of a segfault, of kernels before and since 6.8; or why not."""
    base = 0x55d0c0de0000
    with tempfile.TemporaryDirectory() as folder:
        file = f'{folder}/sample'
        subprocess.run([*COMPILER, '-g', '-O1', '-fPIE', '-pie', '-o', file, str(ROOT / 'tests' / 'explain' / 'sample.c')],
                       check=True)
        table = subprocess.run(['nm', file], capture_output=True, text=True, check=True).stdout
        address = int(re.search(r'^([0-9a-f]+) T sample_probe$', table, re.M).group(1), 16)
        headers = subprocess.run(['readelf', '-lW', file], capture_output=True, text=True, check=True).stdout
        offset, linked, size = (int(word, 16) for word in re.search(
            r'LOAD +(\w+) (\w+) \w+ (\w+) \w+ R E', headers).groups())
        length = (offset % 4096 + size + 4095) // 4096 * 4096
        pc = base + offset % 4096 + address - linked

        def look(place, *files):
            text = f'sample[7]: segfault at 8 ip {pc:016x} sp 00007ffd00000000 error 4 in {place}\n'.encode()
            names = [word for name in files for word in ('--symbols', name)]
            return explain_json(*names, '-', stdin=text)[0], run('explain', *names, '-', stdin=text).stdout.decode()

        in_file = pc - base + offset // 4096 * 4096
        for place in (f'sample[{base:x}+{length:x}]', f'sample[{in_file:x},{base:x}+{length:x}]'):
            fault, _ = look(place, file)
            check(f'{place}: {fault.get("function")}',
                  (fault.get('function'), fault.get('function_offset')) == ('sample_probe', 0))
            check(f'{place}: {fault.get("file")}', str(fault.get('file')).endswith('sample.c'))
        for place, said in ((f'sample[{base:x}+{length + 4096:x}]', 'it is another build'),
                            (f'other[{base:x}+{length:x}]', 'no file of --symbols has that name')):
            fault, shown = look(place, file)
            check(f'{place}: {fault.get("function")}', 'function' not in fault)
            check(f'{place}: says why: {shown}', said in ' '.join(shown.split()))
        _, shown = look('', file)
        check(f'no place: says why: {shown}', 'the log does not say which file' in ' '.join(shown.split()))


def traces():
    """Of quire's own traces, the faults that were not resolved; as JSON and as trees."""
    line = ('{"version": 1, "pid": 2, "process": "sh", "mode": "user", "access": "write", "cause": "not-present", '
            '"address": "0xc", "pc": "0x401129", "syndrome": "0x6", "outcome": "%s", "major": false, "rule": "bad_area", '
            '"signal": null, "way": ["trap"], "file": "/bin/sh", "file_offset": "0x1129", "symbol": "follow+0x4"}\n')
    tree = ('    fault: write by user at 0xc, not-present, syndrome 0x6\n'
            '      by follow+0x4 (a.c:1), pc 0x401129 in sh[401000+1000], task sh (pid 2)\n      => %s\n')
    for head, form in (('{"version": 1, "begin": {"program": "sh", "arch": "%s", "profile": "linux-6"}}\n', line),
                       ('trace of sh on %s under linux-6\n', tree)):
        for arch in ('x86_64', 'i386'):
            text = head % arch + form % 'resume' + form % 'signal' + form % 'resume'
            faults = explain_json('-', stdin=text.encode())
            check(f'one is not resolved: {len(faults)}', len(faults) == 1)
            fault = faults[0]
            found = (fault['arch'], fault['address'], fault['access'], fault['pid'], fault['task'], fault['pc'],
                     fault['place'], fault['object'])
            check(f'{found}', found == (arch, '0xc', 'write', 2, 'sh', '0x401129', 'follow+0x4', 'sh'))
        result = run('explain', '-', stdin=(form % 'resume').encode())
        check('all are resolved', result.returncode == 1 and b'each fault of the trace was resolved: 1' in result.stderr)


def documents():
    text = run('explain', '--help').stdout.decode()
    options = sorted(set(re.findall(r'--[a-z]+', text)))
    manual = (ROOT / 'docs' / 'man' / 'quire-explain.1').read_text().replace('\\-', '-')
    bash = (ROOT / 'tools' / 'quire' / 'completion' / 'quire.bash').read_text()
    zsh = (ROOT / 'tools' / 'quire' / 'completion' / '_quire').read_text()
    page = (ROOT / 'docs' / 'explain.md').read_text()
    for option in options:
        check(f'{option} in the man page', option in manual)
        check(f'{option} in the bash completion', option in bash)
        check(f'{option} in the zsh completion', option in zsh)
    fault = explain_json(str(LOGS / 'x86_64-5.15-null-write.log'))[0]
    for key in fault:
        check(f'key {key} in docs/explain.md', f'`{key}`' in page)
    with tempfile.NamedTemporaryFile('w', suffix='.bash') as script:
        script.write(f'. {ROOT}/tools/quire/completion/quire.bash\n'
                     'COMP_WORDS=(quire explain --pro); COMP_CWORD=2; _quire; echo "${COMPREPLY[*]}"\n'
                     'COMP_WORDS=(quire explain --arch arm); COMP_CWORD=3; _quire; echo "${COMPREPLY[*]}"\n'
                     'COMP_WORDS=(quire expl); COMP_CWORD=1; _quire; echo "${COMPREPLY[*]}"\n')
        script.flush()
        result = subprocess.run(['bash', script.name], capture_output=True, text=True, check=False)
        wanted = '--profile\narm arm-lpae arm64\nexplain\n'
        check(f'bash completion: {result.stdout!r} {result.stderr!r}', result.stdout == wanted)


def transcripts():
    """What the man page shows is what the command prints; tests/tools/transcripts.py sees to the other pages."""
    manual = (ROOT / 'docs' / 'man' / 'quire-explain.1').read_text().replace('\\-', '-').replace('\\e', '\\')
    for name in ('x86_64-5.15-null-write', 'arm-2.6.24-section', 'arm64-4.4-user'):
        text = run('explain', str(LOGS / f'{name}.log')).stdout.decode()
        check(f'{name} in the man page', text.strip() in manual)


def releases():
    """The table of releases is in docs/profiles.md as the tool has it."""
    table = run('explain', '--releases').stdout.decode()
    check('the releases are a table', table.count('\n') > 12)
    check('the table in docs/profiles.md', table in (ROOT / 'docs' / 'profiles.md').read_text())


def forms():
    log = str(ROOT / 'tests' / 'explain' / 'kinds' / 'x86-smap.log')
    short = run('explain', log).stdout.decode()
    long = run('explain', '--long', log).stdout.decode()
    brief = run('explain', '--brief', log).stdout.decode()
    check('at most five sentences', 1 <= len(re.findall(r'\.$', short, re.M)) <= 5)
    check('every deduction names its premise', all(
        statement['basis'] != 'deduced' or statement.get('premise')
        for path in sorted((ROOT / 'tests' / 'explain').glob('*/*.log'))
        for fault in explain_json(str(path)) for statement in fault['statements']))
    check('--long has the bits', 'in supervisor mode' not in short and 'it was made in supervisor mode' in long)
    check(f'--brief: {brief!r}', brief == 'line 1: x86_64: the kernel tried to write to 0x7f12a4c0d010 in '
          'demo_ioctl+0x1c/0x50, task poker\n')
    check('standard input is read without -', run('explain', stdin=open(log, 'rb').read()).stdout.decode() == short)


for part in (statuses, bare_codes, log_lines, hints, colour, symbols, module, program, traces, documents, transcripts, releases, forms):
    part()
for problem in problems:
    print(problem)
print(f'{checks} checks, {len(problems)} problems')
sys.exit(1 if problems else 0)
