#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Does what README.md and the pages of docs/ say to type, on a private server.

  commands_test.py PGLOCK DIRECTORY

The shell blocks of a page are run in their order, in one shell, in a copy of the repository that is also a
subdirectory `pglocks` of itself, with a program `program.cpp`. So is each `pglock ...` and `flock ...` of the text, one
by one; and each `examples/run.sh NAME` names an example. All end with status 0, and write into DIRECTORY alone, which is
made anew. A block whose run takes too long here says before it what else runs it: <!-- run by: FILE -->. The tutorial
has a test of its own.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / 'tests' / 'pglock'))
sys.dont_write_bytecode = True
import stage  # noqa: E402

BLOCK = re.compile(r'(?:<!-- run by: (?P<by>.*?) -->\n)?^```sh\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
OTHER_BLOCK = re.compile(r'^```.*?^```$', re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r'`((?:pglock|flock) -[^`]* [^`]+)`')
EXAMPLE = re.compile(r'examples/run\.sh (\w+)')
TUTORIAL = REPOSITORY / 'docs' / 'tutorial' / 'first_lock.md'
COPIED = ['LICENSE', 'README.md', 'docs', 'examples/pglock', 'include', 'meson.build', 'meson_options.txt']


def prepare(directory, pglock):
    """The copy, and what the pages take for granted: a command `report`, and a program that sends mails."""
    shutil.rmtree(directory, ignore_errors=True)
    for name in COPIED:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, directory / name)
    (directory / 'pglocks').symlink_to('.')
    shutil.copy(REPOSITORY / 'docs' / 'tutorial' / 'report.cpp', directory / 'program.cpp')
    (directory / 'bin').mkdir()
    (directory / 'bin' / 'pglock').symlink_to(pglock)
    for name, text in (('bin/report', 'echo done'), ('bin/mail', 'cat >/dev/null'), ('report', 'echo done')):
        (directory / name).write_text(f'#!/bin/sh\n{text}\n')
        (directory / name).chmod(0o755)


def environment(directory, server):
    return stage.clean_environment(**server.variables(), PATH=f'{directory}/bin:{os.environ["PATH"]}',
                                   CXXFLAGS='-O0 -g0', PKG_CONFIG_PATH=f'{directory}/installed/share/pkgconfig')


def brought_here(script, directory):
    """The script, with what it would write elsewhere on this machine."""
    if 'meson install' in script and '--prefix=/usr/local' not in script:
        sys.exit(f'this would install into the machine:\n{script}')
    return script.replace('/usr/local', f'{directory}/installed').replace('/run/lock', str(directory))


def commands_of(page):
    """The scripts of a page, and what is wrong with it."""
    text = page.read_text(encoding='utf-8')
    scripts, problems, blocks = [], [], []
    for block in BLOCK.finditer(text):
        if block['by']:
            problems += [f'no {file} runs its block' for file in block['by'].split(', ')
                         if not (REPOSITORY / file).is_file()]
        elif page != TUTORIAL:
            blocks.append(block['text'])
    if blocks:
        scripts.append('set -e\n' + ''.join(blocks))
    scripts += COMMAND.findall(OTHER_BLOCK.sub('', text))
    problems += [f'there is no example {name}' for name in EXAMPLE.findall(text)
                 if not (REPOSITORY / 'examples' / f'{name}.cpp').is_file()]
    return scripts, problems


def main(pglock, directory):
    directory = pathlib.Path(directory).resolve()
    prepare(directory, pathlib.Path(pglock).resolve())
    server = stage.Server()
    failures, count = [], 0
    for page in [REPOSITORY / 'README.md', *sorted((REPOSITORY / 'docs').rglob('*.md'))]:
        name = page.relative_to(REPOSITORY)
        scripts, problems = commands_of(page)
        failures += [f'{name}: {problem}' for problem in problems]
        for script in scripts:
            count += 1
            run = subprocess.run(['bash', '-c', brought_here(script, directory)], cwd=directory, text=True,
                                 env=environment(directory, server), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=500)
            print(f'{name}: {shlex.quote(script)}: {run.returncode}', flush=True)
            if run.returncode != 0:
                failures.append(f'{name}: status {run.returncode} of\n{script}\n{run.stdout}')
    if failures or count < 5:
        sys.exit('\n'.join(failures) or 'the pages have no commands any more')


if __name__ == '__main__':
    main(*sys.argv[1:])
