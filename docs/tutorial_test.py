#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Does what the tutorial says, step by step, and compares what is printed.

  tutorial_test.py PAGE REPOSITORY

The shell blocks of the page are run in one shell, in an empty directory in which `pglocks` is the repository. A text
block is what the shell block before it prints on standard output, `...` standing for anything. A C++ block is the file
whose name the text before it tells: Save this as `NAME`. Instead of installing packages with sudo, it is looked
whether they are installed. Run by root, the steps are done as nobody.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
NOBODY = 65534
SUDO = '''#!/bin/sh
[ "$*" = "apt-get update" ] && exit
[ "$1 $2" = "apt-get install" ] || { echo "sudo: $*: only apt-get is expected" >&2; exit 1; }
shift 2
for package; do
    case $package in
    -*) ;;
    *) dpkg-query -W -f '${db:Status-Status}\\n' "$package" "$package-15" 2>/dev/null | grep -qx installed ||
        { echo "sudo: $package is not installed" >&2; exit 1; } ;;
    esac
done
'''
BETWEEN = '@@ the next step @@'


def steps(page):
    """Each shell block with what it prints, or None; and the files that are to be saved."""
    shell, files = [], {}
    end = 0
    for match in BLOCK.finditer(page):
        language, text = match.groups()
        if language == 'sh':
            shell.append([text, None])
        elif language == 'text':
            shell[-1][1] = text
        elif language == 'cpp':
            name = re.findall(r'Save this as `([^`]+)`', page[end:match.start()])
            files[name[-1]] = text
        else:
            raise SystemExit(f'a block of the language {language} is none that can be tried')
        end = match.end()
    return shell, files


def as_pattern(text):
    return '.*'.join(re.escape(part) for part in text.split('...'))


def environment(directory):
    kept = {name: value for name, value in os.environ.items() if not name.startswith('PG') and name != 'TMPDIR'}
    return {**kept, 'PATH': f'{directory}/bin:{os.environ["PATH"]}', 'HOME': str(directory), 'LC_ALL': 'C.UTF-8'}


def do(shell, directory):
    """Runs the blocks; what each printed on standard output, and the exit status."""
    script = 'set -e\n' + ''.join(f'{text}echo "{BETWEEN}"\n' for text, _ in shell)
    as_nobody = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []} if os.getuid() == 0 else {}
    process = subprocess.Popen(['bash', '-c', script], cwd=directory, env=environment(directory), text=True,
                               start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **as_nobody)
    try:
        output, _ = process.communicate(timeout=240)
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)  # the server, after a failed step
        except ProcessLookupError:
            pass
    return output.split(BETWEEN + '\n'), process.returncode


def main(page, repository):
    shell, files = steps(pathlib.Path(page).read_text(encoding='utf-8'))
    # Not in TMPDIR: a socket's path must be short, and nobody must be able to pass.
    with tempfile.TemporaryDirectory(prefix='pglocks-tutorial-', dir='/tmp') as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        for file, text in files.items():
            (directory / file).write_text(text, encoding='utf-8')
        (directory / 'bin').mkdir()
        (directory / 'bin' / 'sudo').write_text(SUDO)
        (directory / 'bin' / 'sudo').chmod(0o755)
        for part in ('include', 'tests/support'):  # a clone: the repository may be where nobody cannot pass
            shutil.copytree(pathlib.Path(repository) / part, directory / 'pglocks' / part)
        if os.getuid() == 0:
            subprocess.run(['chown', '-R', f'{NOBODY}:{NOBODY}', directory], check=True)
        printed, status = do(shell, directory)
    for number, (text, expected) in enumerate(shell):
        if number >= len(printed) - 1:
            sys.exit(f'this step has failed, with status {status}, having printed {printed[-1]!r}:\n{text}')
        if expected is not None and not re.fullmatch(as_pattern(expected), printed[number], re.DOTALL):
            sys.exit(f'this step:\n{text}\nhas printed:\n{printed[number]}\ninstead of:\n{expected}')
    print(f'{len(shell)} steps, {sum(expected is not None for _, expected in shell)} of them compared')


if __name__ == '__main__':
    main(*sys.argv[1:])
