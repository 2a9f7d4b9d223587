#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A Django process that takes advisory locks through django_pglocks, as told line by line.

Usage: django_peer.py CONNINFO [OTHER_CONNINFO]

The arguments are libpq connection strings of the databases 'default' and 'other'. Commands, one a line:

    lock NAME [shared] [nowait] [using ALIAS]   enters advisory_lock(NAME, ...)
    unlock                                      leaves the innermost one normally
    raise                                       leaves the innermost one by an exception
    quit                                        leaves all of them; so does the end of the input

NAME is a word, an integer, a pair "(1, 2)", or a string in double quotes as in JSON. The answers, one a line: 'held',
'refused' (nowait: nothing is entered), 'released', or 'error CLASS MESSAGE'; a lock without nowait says 'waiting' when
it is connected and about to ask.
"""

import json
import re
import sys

import django
from django.conf import settings
from psycopg2.extensions import parse_dsn

COMMAND = re.compile(
    r'lock\s+(?P<name>"(?:[^"\\]|\\.)*"|\([^)]*\)|[^\s"(]\S*)'
    r"(?P<shared>\s+shared)?(?P<nowait>\s+nowait)?(?:\s+using\s+(?P<using>\S+))?$"
)


class Left(Exception):
    """Leaves a context manager by exception."""


def database(conninfo):
    options = parse_dsn(conninfo)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": options.pop("dbname", "postgres"),
        "OPTIONS": options,
        "CONN_MAX_AGE": None,  # else the check before each lock would end the connection, and with it the outer locks
    }


def lock_id(text):
    if text.startswith('"'):
        return json.loads(text)
    if text.startswith("("):
        return tuple(int(part) for part in text[1:-1].split(","))
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else text


def say(*words):
    print(" ".join(" ".join(words).split()), flush=True)


def lock(command):
    """Enters one context manager and obeys the commands given under it. Returns whether to quit."""
    from django.db import connections
    from django_pglocks import advisory_lock

    alias = command["using"] or "default"
    wait = not command["nowait"]
    quitting = False
    try:
        name = lock_id(command["name"])
        connections[alias].close_if_unusable_or_obsolete()
        connections[alias].ensure_connection()
        if wait:
            say("waiting")
        with advisory_lock(name, shared=bool(command["shared"]), wait=wait, using=command["using"]) as acquired:
            if not acquired:
                say("refused")
                return False
            say("held")
            quitting = obey(depth=1)
        say("released")
    except Left:
        say("released")
    except Exception as error:
        say("error", type(error).__name__, str(error))
    return quitting


def obey(depth=0):
    """Obeys commands until one leaves the context manager that depth stands for. Returns whether to quit."""
    while line := sys.stdin.readline():
        words = line.strip()
        if command := COMMAND.match(words):
            if lock(command):
                return True
        elif words == "quit":
            return True
        elif words == "unlock" and depth:
            return False
        elif words == "raise" and depth:
            raise Left
        else:
            say("error", "ValueError", f"cannot be done here: {words}")
    return True


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    settings.configure(DATABASES={"default": database(sys.argv[1]), "other": database(sys.argv[-1])}, USE_TZ=True)
    django.setup()
    obey()


if __name__ == "__main__":
    main()
