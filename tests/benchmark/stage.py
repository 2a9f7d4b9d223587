# SPDX-License-Identifier: BSL-1.0
"""What a benchmark runs on: a private server, a delaying proxy, and the contestants' processes, pinned to CPUs."""
import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
POSTGRES = TESTS / "support" / "postgres.sh"
PYTHON_CONTESTANTS = pathlib.Path(__file__).resolve().parent / "python_contestants.py"
COMPILE_CONTESTANTS = PYTHON_CONTESTANTS.with_name("compile_contestants.py")
PATIENCE = 30  # seconds, with a process that ought to end


class BenchmarkError(Exception):
    """Something needed is missing or has failed; the text says what to do."""


class Cpus:
    """Who runs where. With one CPU there is nothing to choose."""

    def __init__(self):
        own = sorted(os.sched_getaffinity(0))
        self.clients = own[0]
        self.server = {"together": own[0], "apart": own[1 % len(own)]}
        self.proxy = own[2 % len(own)]


def pinned(cpu, command):
    return ["taskset", "--cpu-list", str(cpu), *map(str, command)]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def end(process):
    """Ends a process that ends with its standard input."""
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


class Talker:
    """A process that is told things line by line, and answers in lines."""

    def __init__(self, command, cpu):
        self.command = command
        self.process = subprocess.Popen(pinned(cpu, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)

    def listen(self):
        line = self.process.stdout.readline().strip()
        if not line:
            status = self.process.wait(PATIENCE)
            raise BenchmarkError(f"{' '.join(map(str, self.command))} ended with status {status}; "
                                 "what it said is above")
        return line

    def ask(self, line):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        return self.listen()

    def close(self):
        end(self.process)


class Server:
    """A PostgreSQL server in a private directory. A guard, which is a process of its own, ends it and removes the
    directory when this process has ended, however it did."""

    def __init__(self, cpu, max_connections):
        parent = os.environ.get("TMPDIR") or "/tmp"
        self.directory = tempfile.mkdtemp(prefix="pglocks-", dir=parent if len(parent) < 60 else "/tmp")
        os.chmod(self.directory, 0o711)
        self.guard = subprocess.Popen(["bash", str(POSTGRES), "--guard", self.directory], stdin=subprocess.PIPE,
                                      start_new_session=True)
        try:
            self.port = free_port()
            self.process = subprocess.Popen(
                pinned(cpu, ["bash", POSTGRES, self.directory, "listen_addresses=127.0.0.1", f"port={self.port}",
                             f"max_connections={max_connections}", "autovacuum=off"]),
                stdin=subprocess.DEVNULL, start_new_session=True)
            subprocess.run(["bash", str(POSTGRES), "--wait", self.directory], check=True)
        except BaseException as error:
            end(self.guard)
            if isinstance(error, subprocess.CalledProcessError):
                raise BenchmarkError("PostgreSQL did not start; its last words are above") from None
            raise

    def move_to(self, cpu):
        """Has the backends of later connections run on this CPU."""
        os.sched_setaffinity(self.process.pid, {cpu})

    @property
    def socket_path(self):
        return f"{self.directory}/.s.PGSQL.{self.port}"

    def close(self):
        self.process.send_signal(signal.SIGINT)  # a fast shutdown
        try:
            self.process.wait(PATIENCE)
        finally:
            end(self.guard)


class Stage:
    """A context: everything on it ends with it."""

    def __init__(self, programs, max_connections, delay):
        self.programs = programs  # a directory
        self.max_connections = max_connections
        self.delay = delay  # microseconds of a round trip that the proxy adds
        self.cpus = Cpus()
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.server = Server(self.cpus.server["apart"], self.max_connections)
            self.stack.callback(self.server.close)
            each_way = self.delay // 2
            proxy = Talker([self.programs / "delaying_proxy", self.server.socket_path, each_way], self.cpus.proxy)
            self.stack.callback(proxy.close)
            self.addresses = {"socket": (self.server.directory, self.server.port),
                              "tcp": ("127.0.0.1", self.server.port),
                              "delay": ("127.0.0.1", int(proxy.listen()))}
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def conninfo(self, transport):
        host, port = self.addresses[transport]
        return (f"host={host} port={port} user=postgres dbname=postgres sslmode=disable gssencmode=disable "
                "application_name=benchmark")

    @contextlib.contextmanager
    def contestants(self, scenario, chosen):
        """The processes of {name: Contestant}, by name, connected and ready."""
        self.server.move_to(self.cpus.server[scenario.placement])
        with contextlib.ExitStack() as stack:
            talkers = {}
            for name, contestant in chosen.items():
                command = [*contestant.program, "--contestant", name, "--conninfo", self.conninfo(scenario.transport)]
                command += (["--hand-off"] if scenario.hand_off
                            else ["--sessions", str(scenario.sessions), "--keys", scenario.keys])
                if scenario.task == "set":
                    command += ["--set-size", str(scenario.set_size)]
                talkers[name] = Talker(command, self.cpus.clients)
                stack.callback(talkers[name].close)
            for name, talker in talkers.items():
                if (word := talker.listen()) != "ready":
                    raise BenchmarkError(f"{name} says {word!r} instead of 'ready'")
            yield talkers


@dataclasses.dataclass(frozen=True)
class Contestant:
    program: tuple
    tasks: tuple
    label: str


def programs_with_contestants(programs):
    compile_commands = programs.parents[1] / "compile_commands.json"
    return ((programs / "pglocks_benchmark",), (sys.executable, "-B", PYTHON_CONTESTANTS),
            (sys.executable, "-B", COMPILE_CONTESTANTS, compile_commands))


def lines_of(command):
    try:
        output = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchmarkError(f"{error}: build it with ./tests/run.sh benchmark, which installs what is missing, too") \
            from None
    return [line.split("\t") for line in output.splitlines()]


def find_contestants(programs):
    """All contestants of all programs: {name: Contestant}."""
    return {name: Contestant(program, tuple(tasks.split()), label)
            for program in programs_with_contestants(programs)
            for name, tasks, label in lines_of([*program, "--list"])}


def find_versions(programs):
    return dict(line for program in programs_with_contestants(programs) for line in lines_of([*program, "--versions"]))
