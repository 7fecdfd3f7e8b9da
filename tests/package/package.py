#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is installed: the command works from there, and other projects build against it.

usage: package.py tree ROOT BUILD WORK     installs BUILD below WORK; debian/ says which package has which file
       package.py debs ROOT FOLDER         unpacks the Debian packages in FOLDER
       package.py seeded ROOT              what `tree` would say of files that no package has, or that are not there

In both trees: `quire try`, `explain` and `run` work, bash and zsh find their completions, every page of the manual
is there, and tests/package/consumers builds with Meson, CMake and Make, and runs."""
import concurrent.futures
import fnmatch
import glob
import os
import shutil
import subprocess
import sys

OOPS = 'BUG: unable to handle page fault for address: 0000000000001234\n#PF: supervisor read access in kernel mode\n' \
       '#PF: error_code(0x0000) - not-present page\n'
failures = []


def check(what, good, said=''):
    print(('ok: ' if good else 'FAILED: ') + what)
    if not good:
        print(said)
        failures.append(what)


def run(words, **options):
    options.setdefault('cwd', '/')
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


# --- which package has which file ----------------------------------------------------------------------------

def files_below(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


def patterns(root):
    """The first words of debian/*.install, by package."""
    found = {}
    for path in sorted(glob.glob(os.path.join(root, 'debian', '*.install'))):
        with open(path, encoding='utf-8') as lines:
            found[os.path.basename(path)[:-len('.install')]] = [line.split()[0] for line in lines if line.strip()]
    return found


def misplaced(installed, wanted):
    """Differences between the installed files and what the packages take."""
    takers = {path: set() for path in installed}
    for package, words in wanted.items():
        for word in words:
            hits = [path for path in installed if fnmatch.fnmatch(path, word) or fnmatch.fnmatch(path, word + '/*')]
            if not hits:
                yield f'debian/{package}.install: nothing is installed as {word}'
            for path in hits:
                takers[path].add(package)
    for path, packages in takers.items():
        if len(packages) != 1:
            yield f'{path}: in {" and ".join(sorted(packages)) or "no package"}'


def control_packages(root):
    with open(os.path.join(root, 'debian', 'control'), encoding='utf-8') as lines:
        return {line.split()[1] for line in lines if line.startswith('Package:')}


# --- what works -----------------------------------------------------------------------------------------------

def command(root, prefix):
    quire = os.path.join(prefix, 'bin', 'quire')
    env = {'PATH': os.environ['PATH'], 'HOME': '/nonexistent', 'TMPDIR': os.environ.get('TMPDIR', '/tmp')}
    done = run([quire, 'try', os.path.join(prefix, 'share/quire/scenarios/cow-fork.scn')], env=env)
    check('quire try', done.returncode == 0 and 'cow-fork.scn: passed' in done.stdout, done.stdout)
    done = run([quire, 'explain'], env=env, input=OOPS)
    check('quire explain', 'The kernel tried to read from 0x1234.' in done.stdout, done.stdout)
    kernel = os.path.join(prefix, 'libexec/quire/quire-kernel-x86_64.elf')
    if os.path.exists(kernel) and shutil.which('qemu-system-x86_64') and shutil.which('busybox'):
        done = run([quire, 'run', '--timeout', '600', '--', shutil.which('busybox'), 'echo', 'booted from', prefix], env=env)
        check('quire run', done.returncode == 0 and f'booted from {prefix}' in done.stdout, done.stdout)
    else:
        print('run: left out: no kernel, no qemu-system-x86_64 or no busybox')
    for page in sorted(os.listdir(os.path.join(root, 'docs/man'))):
        section = page.rsplit('.', 1)[1]
        check(page, glob.glob(os.path.join(prefix, f'share/man/man{section}', page + '*')))
    script = os.path.join(prefix, 'share/bash-completion/completions/quire')
    done = run(['bash', '-c', f'. {script}; complete -p quire'])
    check('completion for bash', done.returncode == 0, done.stdout)
    zsh = [path for path in ('share/zsh/site-functions/_quire', 'share/zsh/vendor-completions/_quire')
           if os.path.exists(os.path.join(prefix, path))]
    check('completion for zsh', len(zsh) == 1 and open(os.path.join(prefix, zsh[0])).readline() == '#compdef quire\n')


def consumer(tool, source, work, env):
    """(what, whether it built and ran, what it said) of one build system."""
    folder = os.path.join(work, tool)
    shutil.copytree(source, folder)
    steps = {
        'meson': [['meson', 'setup', 'b'], ['ninja', '-C', 'b'], ['b/user']],
        'cmake': [['cmake', '-S', '.', '-B', 'b', '-DCMAKE_PREFIX_PATH=' + env['QUIRE_PREFIX']],
                  ['cmake', '--build', 'b'], ['b/user']],
        'make': [['make'], ['./user']],
    }[tool]
    if not shutil.which(steps[0][0]):
        return f'{tool}: left out: it is not installed', True, ''
    for step in steps:
        done = run(step, cwd=folder, env=env)
        if done.returncode != 0:
            return f'{tool}: {" ".join(step)}', False, done.stdout
    return f'built with {tool}', done.stdout == '42 by the installed library\n', done.stdout


def consumers(root, destination, prefix, work):
    shutil.rmtree(work, ignore_errors=True)
    found = glob.glob(os.path.join(prefix, 'lib', '**', 'quire.pc'), recursive=True)
    check('a file for pkg-config', len(found) == 1)
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(found[0]), PKG_CONFIG_SYSROOT_DIR=destination,
               QUIRE_PREFIX=prefix)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda tool: consumer(tool, os.path.join(root, 'tests/package/consumers'), work, env),
                               ('cmake', 'meson', 'make')):
            check(*result)


# --- the trees ------------------------------------------------------------------------------------------------

def of_build(root, build, work):
    shutil.rmtree(work, ignore_errors=True)
    done = run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', work])
    check('meson install --destdir', done.returncode == 0, done.stdout)
    if failures:
        return
    binary = glob.glob(os.path.join(work, '**', 'bin', 'quire'), recursive=True)
    prefix = os.path.dirname(os.path.dirname(binary[0]))
    installed = ['usr/' + path for path in files_below(prefix)]
    wanted = patterns(root)
    check('every package has a list of files', control_packages(root) == set(wanted))
    for finding in misplaced(installed, wanted):
        check(finding, False)
    command(root, prefix)
    consumers(root, work, prefix, work + '-consumers')


def of_debs(root, folder):
    work = os.path.abspath(os.path.join(folder, 'unpacked'))
    shutil.rmtree(work, ignore_errors=True)
    for package in sorted(control_packages(root)):
        found = glob.glob(os.path.join(folder, package + '_*.deb'))
        check(f'one package {package}', len(found) == 1)
        done = run(['dpkg-deb', '-x', os.path.abspath(found[0]), work])
        check(f'{os.path.basename(found[0])} unpacks', done.returncode == 0, done.stdout)
    prefix = os.path.join(work, 'usr')
    command(root, prefix)
    consumers(root, work, prefix, work + '-consumers')


def seeded(root):
    wanted = patterns(root)
    # The smallest tree that fits: a file for each word.
    fits = [word.replace('*', 'x') + ('' if '.' in os.path.basename(word) else '/file') for words in wanted.values()
            for word in words]
    fits = [path.replace('/quire/file', '/quire') if path.startswith('usr/bin') else path for path in fits]
    check('a tree that fits', not list(misplaced(fits, wanted)), '\n'.join(misplaced(fits, wanted)))
    more = 'usr/lib/x/libsim.a'
    check('a file that no package has is found', f'{more}: in no package' in list(misplaced(fits + [more], wanted)))
    less = [path for path in fits if not path.endswith('libquire.a')]
    check('a file that is not there is found',
          any('nothing is installed as usr/lib/*/libquire.a' in text for text in misplaced(less, wanted)))
    twice = dict(wanted, second=['usr/bin/quire'])
    check('a file that two packages have is found',
          'usr/bin/quire: in quire and second' in list(misplaced(fits, twice)))


def main():
    arguments = [os.path.abspath(path) for path in sys.argv[2:]]
    if sys.argv[1] == 'tree' and len(arguments) == 3:
        of_build(*arguments)
    elif sys.argv[1] == 'debs' and len(arguments) == 2:
        of_debs(*arguments)
    elif sys.argv[1] == 'seeded' and len(arguments) == 1:
        seeded(*arguments)
    else:
        sys.exit(__doc__)
    sys.exit(bool(failures))


if __name__ == '__main__':
    main()
