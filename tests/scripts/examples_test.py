#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of examples/run.sh: what it does on another machine than ours, and what it leaves behind (nothing).

  examples_test.py BUILD_DIRECTORY [OPTION_OF_UNITTEST...]

The example is built in BUILD_DIRECTORY, once, and next to it for an ordinary user if root tests; the tests run it
from there.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = 'own_policies'
DEADLINE = 60  # seconds; only a failing test waits so long
NOBODY = 65534
build = None  # where the example is built


def environment(**variables):
    """This process's environment without what would lead to a server or to the private directory of tests/run.sh,
    and with these variables."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ('DATABASE_URL', 'TMPDIR') and (name.startswith('PGLOCKS_') or not name.startswith('PG'))}
    return {**kept, 'PGLOCKS_BUILD': str(build), **variables}


def eventually(condition):
    end = time.monotonic() + DEADLINE
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


class Run:
    """A run of the script, in a session of its own as under a terminal."""

    def __init__(self, *arguments, repository=REPOSITORY, prefix=(), **variables):
        self.mark = f'PGLOCKS_TEST_RUN={uuid.uuid4()}'  # in the environment of all that the run starts
        name, value = self.mark.split('=')
        self.process = subprocess.Popen(
            [*prefix, 'bash', str(repository / 'examples' / 'run.sh'), *arguments],
            env=environment(**{name: value}, **variables), start_new_session=True, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.directory = None  # the run's private one, once it was seen

    def result(self):
        """The exit status and all that was printed."""
        try:
            output, _ = self.process.communicate(timeout=5 * DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGTERM)
            output, _ = self.process.communicate()
            raise AssertionError(f'it does not end:\n{output}')
        return self.process.returncode, output

    def end(self):
        """Ends what a failed test has left."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate()

    def processes(self):
        """The processes of the run that are left. A server writes its title over its environment, but works here."""
        found = []
        for process in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                if (process / 'stat').read_text().rsplit(')', 1)[1].split()[0] in 'ZX':
                    continue
                variables = (process / 'environ').read_bytes().decode(errors='replace').split('\0')
                directory = os.readlink(process / 'cwd')
            except OSError:  # it has just ended, or is somebody else's
                continue
            if self.directory is None and self.mark in variables:
                self.directory = next((pathlib.Path(v.removeprefix('TMPDIR=')).parent for v in variables
                                       if re.search(r'^TMPDIR=.*/pglocks\.\w+/tmp$', v)), None)
            if self.mark in variables or (self.directory and pathlib.Path(directory).is_relative_to(self.directory)):
                found.append(process.name)
        return found

    def shared_memory(self):
        """The id of the segment of the run's server, as soon as it has one."""
        for process in self.processes():
            try:
                works_in = pathlib.Path(os.readlink(f'/proc/{process}/cwd'))
            except OSError:
                continue
            if self.directory and works_in == self.directory / 'server/data':
                return next((segment for segment, maker in segments().items() if maker == process), None)
        return None


def program_of(process):
    try:
        return os.readlink(f'/proc/{process}/exe')
    except OSError:  # it has just ended
        return None


def segments():
    """The System V segments, and for each the process that made it (proc(5))."""
    rows = [row.split() for row in pathlib.Path('/proc/sysvipc/shm').read_text().splitlines()[1:]]
    return {row[1]: row[4] for row in rows}


class Server:
    """A server of the test's own, on a port of its own; it logs who connects."""
    PORT = '6543'

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='pglocks-scripts-', dir='/tmp'))
        self.directory.chmod(0o711)
        self.script = str(REPOSITORY / 'tests/support/postgres.sh')
        self.data = self.directory / 'server'
        self.guard = subprocess.Popen(['bash', self.script, '--guard', self.data], stdin=subprocess.PIPE)
        self.process = subprocess.Popen(['bash', self.script, self.data, f'port={self.PORT}', 'log_connections=on'],
                                        stdin=subprocess.DEVNULL)
        subprocess.run(['bash', self.script, '--wait', self.data], check=True)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.guard.communicate()
        shutil.rmtree(self.directory, ignore_errors=True)

    def variables(self):
        return {'PGHOST': str(self.data), 'PGPORT': self.PORT, 'PGUSER': 'postgres', 'PGDATABASE': 'postgres'}

    def connections(self):
        return (self.data / 'log').read_text().count('connection authorized')


class Example(unittest.TestCase):
    def start(self, *arguments, **options):
        run = Run(*arguments, **options)
        self.addCleanup(run.end)
        return run

    def finished(self, run):
        status, output = run.result()
        self.assertEqual(status, 0, output)
        self.assertIn('two may browse', output)
        self.left_nothing(run)
        return output

    def left_nothing(self, run):
        self.assertEqual(run.processes(), [])
        if run.directory:
            self.assertFalse(run.directory.exists(), run.directory)


class TheExample(Example):
    def test_runs_on_a_private_server_and_again_without_building_anything(self):
        program = build / 'examples' / 'examples' / EXAMPLE
        self.finished(self.start(EXAMPLE))
        built = program.stat().st_mtime_ns
        output = self.finished(self.start(EXAMPLE))
        self.assertIn('starting a private PostgreSQL', output)
        self.assertNotIn('setting up', output)
        self.assertEqual(program.stat().st_mtime_ns, built)

    def test_runs_on_the_server_that_the_environment_names(self):
        with Server() as server:
            before = server.connections()
            output = self.finished(self.start(EXAMPLE, **server.variables()))
            self.assertNotIn('starting a private PostgreSQL', output)
            self.assertGreater(server.connections(), before)

    def test_is_run_without_apt_get_where_everything_is_there(self):
        with tempfile.TemporaryDirectory() as commands:
            for directory in os.get_exec_path():
                for command in pathlib.Path(directory).glob('*'):
                    link = pathlib.Path(commands) / command.name
                    if command.name != 'apt-get' and not link.exists():
                        link.symlink_to(command)
            output = self.finished(self.start(EXAMPLE, PATH=commands))
        self.assertIn('There is no apt-get here', output)
        self.assertIn('All of them were found', output)

    def test_is_built_and_run_by_an_ordinary_user(self):
        if os.getuid() != 0:
            self.finished(self.start(EXAMPLE))
            return
        ordinary = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--']

        def may(what, path):
            return subprocess.run([*ordinary, 'test', what, path]).returncode == 0

        with tempfile.TemporaryDirectory(dir='/tmp') as home:
            os.chown(home, NOBODY, NOBODY)
            repository = REPOSITORY
            if not may('-r', REPOSITORY / 'examples/run.sh'):
                repository = pathlib.Path(home) / 'repository'
                shutil.copytree(REPOSITORY, repository, ignore=shutil.ignore_patterns('build', '.git'))
            built = build.with_name(build.name + '_by_an_ordinary_user')
            built.mkdir(exist_ok=True, parents=True)
            os.chown(built, NOBODY, NOBODY)
            if not may('-w', built):  # a directory above it is closed
                built = pathlib.Path(home) / 'build'
            self.finished(self.start(EXAMPLE, repository=repository, prefix=ordinary, HOME=home,
                                     CCACHE_DIR=home + '/ccache', PGLOCKS_BUILD=str(built), PGLOCKS_TEMPLATE=''))

    def test_that_does_not_exist_is_an_error_that_names_those_that_do(self):
        for name in ('no_such_example', '../tests/run'):
            status, output = self.start(name).result()
            self.assertEqual(status, 2)
            self.assertIn(f"there is no example '{name}'", output)
            self.assertIn(EXAMPLE, output)


class TheList(unittest.TestCase):
    def test_is_of_programs_that_are_soon_read(self):
        for source in (REPOSITORY / 'examples').glob('*.cpp'):
            self.assertLess(len(source.read_text().splitlines()), 150, source)

    def test_says_of_every_example_in_a_sentence_what_it_shows(self):
        status, output = Run('--list').result()
        self.assertEqual(status, 0, output)
        self.assertIn(EXAMPLE, output)
        for line in output.splitlines():
            self.assertRegex(line, r'\A\w+ +\w.*\w\.\Z')


class AnInterruption(Example):
    def interrupts_the_start_of_the_server(self, send, status):
        for _ in range(5):  # a run that was over before it could be interrupted says nothing
            run = self.start(EXAMPLE)
            segment = eventually(lambda: run.shared_memory() or run.process.poll() is not None)
            if run.process.poll() is None:
                break
            run.result()
        self.assertIsNot(segment, True, run.process.poll())
        self.assertIn(segment, segments())
        send(run.process.pid)
        ended, output = run.result()
        self.assertEqual(ended, status, output)
        self.assertIn('Interrupted', output)
        self.left_nothing(run)
        self.assertNotIn(segment, segments())

    def test_by_ctrl_c_leaves_nothing(self):
        self.interrupts_the_start_of_the_server(lambda run: os.killpg(run, signal.SIGINT), 130)

    def test_by_term_leaves_nothing(self):
        self.interrupts_the_start_of_the_server(lambda run: os.kill(run, signal.SIGTERM), 143)

    def test_by_the_end_of_the_terminal_leaves_nothing(self):
        self.interrupts_the_start_of_the_server(lambda run: os.killpg(run, signal.SIGHUP), 129)

    def test_while_the_example_runs_leaves_nothing(self):
        with Server() as server:
            server.process.send_signal(signal.SIGSTOP)  # whoever connects now waits
            for send, status in ((lambda run: os.killpg(run, signal.SIGINT), 130),
                                 (lambda run: os.kill(run, signal.SIGTERM), 143),
                                 (lambda run: os.kill(run, signal.SIGHUP), 129)):
                run = self.start(EXAMPLE, **server.variables())
                program = str(build / 'examples' / 'examples' / EXAMPLE)
                self.assertTrue(eventually(lambda: program in map(program_of, run.processes())))
                send(run.process.pid)
                ended, output = run.result()
                self.assertEqual(ended, status, output)
                self.left_nothing(run)


if __name__ == '__main__':
    build = pathlib.Path(sys.argv.pop(1)).resolve()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # a shell cannot trap what it was told to ignore
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    unittest.main(verbosity=2)
