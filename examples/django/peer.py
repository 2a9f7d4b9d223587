#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""A Django process that takes the lock "nightly-report" when it is told to, and says what it does.

Usage: peer.py DATABASE, with libpq's connection string in DATABASE_URL. Commands, a line each: wait, try, leave, quit.
It says the nanoseconds of the monotonic clock and a text, a line each.
"""

import os
import signal
import sys
import time

signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends at once on Ctrl-C, without a traceback

try:
    from django.conf import settings
    from django.db import connection
    from django_pglocks import advisory_lock
    from psycopg2.extensions import parse_dsn
except ImportError as error:
    sys.exit(f"{error}: apt-get install python3-django-pglocks python3-psycopg2")


def say(text):
    print(time.monotonic_ns(), text, flush=True)


def hear():
    return sys.stdin.readline().strip() or "quit"


def main():
    options = parse_dsn(os.environ["DATABASE_URL"]) | {"dbname": sys.argv[1], "application_name": "django"}
    name = options.pop("dbname")
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": name, "OPTIONS": options}}
    )
    connection.ensure_connection()

    while (command := hear()) != "quit":
        if command == "try":
            say('asks: with advisory_lock("nightly-report", wait=False)')
            with advisory_lock("nightly-report", wait=False) as acquired:
                say("holds the lock" if acquired else "does not get it")
        else:
            say('asks: with advisory_lock("nightly-report")')
            with advisory_lock("nightly-report"):
                say("holds the lock")
                hear()
                say("leaves the with block")


if __name__ == "__main__":
    main()
