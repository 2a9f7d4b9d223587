#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Takes locks as one of Python's contestants does: what pglocks_benchmark is for C++, with the same protocol.

    python_contestants.py --list
    python_contestants.py --contestant NAME --conninfo CONNINFO [--sessions N] [--keys hot|distinct]

Says `ready` when connected; `run COUNT` does COUNT cycles in each session, which has a thread, and answers the
nanoseconds that it took.
"""
import argparse
import threading
import time

import psycopg2

import protocol


class Psycopg2:
    """One cursor, in autocommit; psycopg2 puts parameters into the text."""

    label = "psycopg2"
    tasks = ("alone", "distinct", "hot")

    def __init__(self, conninfo, key):
        connection = psycopg2.connect(conninfo)
        connection.autocommit = True
        self.cursor = connection.cursor()
        self.key = (key,)

    def cycle(self):
        self.cursor.execute("select pg_advisory_lock(%s)", self.key)
        self.cursor.execute("select pg_advisory_unlock(%s)", self.key)


class DjangoPglocks:
    """django_pglocks.advisory_lock, as its users write it."""

    label = "django-pglocks"
    tasks = ("alone", "distinct", "hot")

    def __init__(self, conninfo, key):
        self.key = key
        self.advisory_lock = None

    def cycle(self):
        if not self.advisory_lock:  # a connection belongs to the thread that first asks for it
            from django.db import connections
            from django_pglocks import advisory_lock
            connections["default"].ensure_connection()
            self.advisory_lock = advisory_lock
        with self.advisory_lock(self.key):
            pass


def configure_django(conninfo):
    import django
    from django.conf import settings
    from psycopg2.extensions import parse_dsn
    options = parse_dsn(conninfo)
    settings.configure(USE_TZ=True, DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": options.pop("dbname"), "OPTIONS": options,
        "CONN_MAX_AGE": None}})
    django.setup()


def print_versions():
    import django
    import django_pglocks
    import platform
    print("Python", platform.python_version(), sep="\t")
    print("psycopg2", psycopg2.__version__.split()[0], sep="\t")
    print("Django", django.get_version(), sep="\t")
    print("django-pglocks", django_pglocks.__version__, sep="\t")


CONTESTANTS = {"psycopg2": Psycopg2, "django-pglocks": DjangoPglocks}


class Threads:
    """Sessions that work at the same time; one alone in the caller's thread."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.count = 0
        self.error = None
        if len(sessions) > 1:
            self.start = threading.Barrier(len(sessions) + 1)
            self.end = threading.Barrier(len(sessions) + 1)
            for session in sessions:
                threading.Thread(target=self.work, args=(session,), daemon=True).start()

    def work(self, session):
        while True:
            self.start.wait()
            try:
                for _ in range(self.count):
                    session.cycle()
            except Exception as error:
                self.error = error
            self.end.wait()

    def run(self, count):
        """The nanoseconds of so many cycles in each session."""
        self.count = count
        begin = time.perf_counter_ns()
        if len(self.sessions) == 1:
            cycle = self.sessions[0].cycle
            for _ in range(count):
                cycle()
        else:
            self.start.wait()
            self.end.wait()
        elapsed = time.perf_counter_ns() - begin
        if self.error:
            raise self.error
        return elapsed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--versions", action="store_true")
    parser.add_argument("--contestant", choices=CONTESTANTS)
    parser.add_argument("--conninfo")
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--keys", choices=("hot", "distinct"), default="distinct")
    asked = parser.parse_args()
    if asked.list:
        for name, contestant in CONTESTANTS.items():
            print(name, " ".join(contestant.tasks), contestant.label, sep="\t")
        return
    if asked.versions:
        print_versions()
        return
    if asked.contestant == "django-pglocks":
        configure_django(asked.conninfo)
    make = CONTESTANTS[asked.contestant]
    keys = (1 if asked.keys == "hot" else i + 1 for i in range(asked.sessions))
    threads = Threads([make(asked.conninfo, key) for key in keys])
    protocol.answer(threads.run)


if __name__ == "__main__":
    main()
