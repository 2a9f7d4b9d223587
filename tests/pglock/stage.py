# SPDX-License-Identifier: BSL-1.0
"""What the tests of pglock stand on: a private server, sessions on it, and runs of the program.

  SOME_test.py PROGRAM [OPTION_OF_UNITTEST...]
"""
import atexit
import contextlib
import fcntl
import glob
import os
import pathlib
import pty
import pwd
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = 60  # seconds; only a failing test waits so long
program = None  # the pglock that is tested


def eventually(condition, within=DEADLINE):
    end = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def state(process):
    """R, S, T, ..., see proc(5); None if it has ended."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f'/proc/{process}/stat').read_text().rsplit(')', 1)[1].split()[0]
    return None


def program_of(process):
    """Its name, see proc(5); None if it has ended."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f'/proc/{process}/comm').read_text().strip()
    return None


def clean_environment(**variables):
    """This process's environment without what would lead to a server, and with these variables."""
    kept = {name: value for name, value in os.environ.items()
            if (name.startswith('PGLOCKS_') or not name.startswith('PG')) and name != 'DATABASE_URL'}
    return {**kept, **variables}


def psql_program():
    """Debian's wrapper would look for a cluster first."""
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin/psql'), reverse=True) or [shutil.which('psql')]
    return found[0]


def as_argument(value):
    return value if isinstance(value, bytes) else str(value)


class Server:
    """A server in a directory of its own, which is gone when this process ends, however that is."""

    def __init__(self, *settings, primary=None):
        # PostgreSQL runs as another user if we are root: the directory lets it pass.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='pglocks-pglock-', dir='/tmp'))
        self.directory.chmod(0o711)
        self.data = self.directory / 'server'
        script = str(REPOSITORY / 'tests/support/postgres.sh')
        self.guard = subprocess.Popen(['bash', script, '--guard', self.data], stdin=subprocess.PIPE,
                                      start_new_session=True)
        environment = clean_environment(**({'PGLOCKS_PRIMARY': primary.conninfo()} if primary else {}))
        self.process = subprocess.Popen(['bash', script, self.data, *settings], stdin=subprocess.DEVNULL,
                                        env=environment, start_new_session=True)
        atexit.register(self.stop)
        subprocess.run(['bash', script, '--wait', self.data], check=True)

    def stop(self):
        atexit.unregister(self.stop)
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.guard.communicate()
        shutil.rmtree(self.directory, ignore_errors=True)

    def conninfo(self):
        return f"host='{self.data}' user=postgres dbname=postgres"

    def variables(self):
        return {'PGHOST': str(self.data), 'PGUSER': 'postgres', 'PGDATABASE': 'postgres'}

    def ask(self, statement):
        """The answer to a statement, asked on a connection of its own: columns separated by |."""
        return subprocess.run([psql_program(), '-XqAt', '-d', self.conninfo(), '-c', statement], check=True, text=True,
                              capture_output=True, env=clean_environment(), timeout=DEADLINE).stdout.strip()

    def holders(self):
        return int(self.ask("select count(*) from pg_locks where locktype = 'advisory' and granted"))

    def waiters(self):
        return int(self.ask("select count(*) from pg_locks where locktype = 'advisory' and not granted"))

    def backends(self):
        return [int(pid) for pid in
                self.ask("select pid from pg_stat_activity where application_name like 'pglock%'").split()]

    def terminate_holders(self):
        return self.ask("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted")


class Session:
    """A psql that is told statement by statement; it holds its locks until it ends."""

    def __init__(self, server, application='holder', user='postgres'):
        self.process = subprocess.Popen(
            [psql_program(), '-XqAt', '-d', server.conninfo() + f" application_name='{application}' user='{user}'"],
            text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        self.pid = int(self.ask('select pg_backend_pid()'))

    def ask(self, statement):
        self.process.stdin.write(f"{statement};\n\\echo done\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) not in ('done\n', ''):
            lines.append(line.strip())
        return '\n'.join(lines)

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()


class Pglock:
    """A run of the program, with pipes, in a session of its own as under cron."""

    def __init__(self, *arguments, server=None, prefix=(), stdin=subprocess.DEVNULL, **variables):
        self.mark = f'PGLOCKS_TEST_RUN={uuid.uuid4()}'  # in the environment of all that the run starts
        name, value = self.mark.split('=')
        self.process = subprocess.Popen(
            [*prefix, program, *map(as_argument, arguments)], stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=clean_environment(**(server.variables() if server else {}), **{name: value}, **variables))

    def result(self, within=DEADLINE):
        """The exit status (negative: the signal), the output and the messages."""
        try:
            output, messages = self.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, messages = self.process.communicate()
            raise AssertionError(f'it does not end: {output}\n{messages}')
        return self.process.returncode, output, messages

    def processes(self):
        """What the run has started and has not ended."""
        found = []
        for process in pathlib.Path('/proc').glob('[0-9]*'):
            with contextlib.suppress(OSError):  # it has just ended, or is somebody else's
                ended = (process / 'stat').read_text().rsplit(')', 1)[1].split()[0] in 'ZX'
                if not ended and self.mark in (process / 'environ').read_bytes().decode(errors='replace').split('\0'):
                    found.append(int(process.name))
        return found

    def end(self):
        """Ends what a failed test has left."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Terminal:
    """A run of the program on a pseudo-terminal, its controlling one."""

    def __init__(self, *arguments, server, columns=200, output=None, prefix=()):
        command = [*prefix, program, *map(str, arguments)]
        environment = clean_environment(**server.variables())
        self.process, self.master = pty.fork()
        if self.process == 0:
            if output:
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), 1)
            os.execvpe(command[0], command, environment)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        self.shown = ''
        self.status = None

    def read(self, seconds=0.1):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.shown += os.read(self.master, 65536).decode()
            except OSError:  # it has ended
                return False
        return True

    def shows(self, pattern):
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self.shown)) and time.monotonic() < end and self.read():
            pass
        if not found:
            raise AssertionError(f'{pattern} is not shown: {self.shown!r}')
        return found

    def type(self, text):
        os.write(self.master, text.encode())

    def result(self):
        """The exit status (negative: the signal), when everything that it shows was read."""
        while self.read(DEADLINE):
            pass
        _, status = os.waitpid(self.process, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def end(self):
        if self.status is None:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.master)


class PgBouncer:
    """A pooler in front of a server."""

    def __init__(self, server, mode, ignored='options'):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='pglocks-pglock-', dir='/tmp'))
        configuration = self.directory / 'pgbouncer.ini'
        configuration.write_text(
            f"[databases]\n* = host={server.data} user=postgres\n[pgbouncer]\npool_mode = {mode}\nlisten_addr =\n"
            f"listen_port = 6432\nunix_socket_dir = {self.directory}\nauth_type = any\n"
            f"logfile = {self.directory}/log\nignore_startup_parameters = {ignored}\n")
        prefix = []
        if os.getuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam('postgres')
            for path in (self.directory, configuration):
                os.chown(path, user.pw_uid, user.pw_gid)
            prefix = ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--init-groups',
                      '--pdeathsig=TERM', '--']
        found = '/usr/sbin/pgbouncer' if os.path.exists('/usr/sbin/pgbouncer') else 'pgbouncer'
        self.process = subprocess.Popen([*prefix, found, '-q', configuration], stdin=subprocess.DEVNULL)
        atexit.register(self.stop)
        if not eventually((self.directory / '.s.PGSQL.6432').exists):
            raise RuntimeError('PgBouncer does not start')

    def stop(self):
        atexit.unregister(self.stop)
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def conninfo(self):
        return f"host='{self.directory}' port=6432 user=postgres dbname=postgres"


class Test(unittest.TestCase):
    """A test with a server that its file shares."""
    server = None

    @classmethod
    def setUpClass(cls):
        if Test.server is None:
            Test.server = Server()

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='pglocks-pglock-', dir='/tmp'))
        self.addCleanup(shutil.rmtree, self.directory)
        self.addCleanup(self.left_no_lock)  # the last but one, when all runs and sessions have ended

    def left_no_lock(self):
        self.assertTrue(eventually(lambda: self.server.holders() == 0 and self.server.waiters() == 0),
                        self.server.ask("select * from pg_locks where locktype = 'advisory'"))

    def start(self, *arguments, **options):
        run = Pglock(*arguments, server=options.pop('server', self.server), **options)
        self.addCleanup(run.end)
        return run

    def run_to_end(self, *arguments, **options):
        return self.start(*arguments, **options).result()

    def session(self, application='holder'):
        session = Session(self.server, application)
        self.addCleanup(session.end)
        return session

    def holds(self, number=1):
        self.assertTrue(eventually(lambda: self.server.holders() == number), self.server.holders())

    def waits(self, number=1):
        self.assertTrue(eventually(lambda: self.server.waiters() == number), self.server.waiters())

    def appears(self, path):
        self.assertTrue(eventually(path.exists), path)

    def succeeds(self, *arguments, **options):
        status, output, messages = self.run_to_end(*arguments, **options)
        self.assertEqual(status, 0, messages)
        return output


def key_of(name, hash_name='postgres'):
    return subprocess.run([program, '--print-key', name, '--hash', hash_name], check=True, text=True,
                          capture_output=True).stdout.strip()


def one_line(text):
    return re.fullmatch(r'pglock: [^\n]+\n', text)


def main():
    global program
    program = str(pathlib.Path(sys.argv.pop(1)).resolve())
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    unittest.main(verbosity=2)
