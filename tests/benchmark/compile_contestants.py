#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compiles a translation unit as often as it is told to: the protocol is that of pglocks_benchmark.

    compile_contestants.py COMPILE_COMMANDS --list
    compile_contestants.py COMPILE_COMMANDS --contestant NAME

COMPILE_COMMANDS is Meson's compile_commands.json, which has the compiler and the include paths. Says `ready` when
everything but the unit is compiled; `run COUNT` answers the nanoseconds of CPU time that the compiler took.
"""
import argparse
import dataclasses
import json
import pathlib
import resource
import shlex
import sys
import tempfile

import protocol

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "compile_fail"))
from compile_fail import compile_, is_clang, precompile  # noqa: E402

COMPILED_AS = TESTS / "benchmark" / "contestants" / "pglocks_locks.cpp"  # of which the include paths are


@dataclasses.dataclass(frozen=True)
class Unit:
    label: str
    source: str
    options: tuple = ()
    precompiled: bool = False


UNITS = {
    "soci-headers": Unit("SOCI's headers alone", "base.cpp"),
    "pglocks-fwd": Unit("pglocks/fwd.hpp alone", "fwd.cpp"),
    "pglocks-umbrella": Unit("SOCI's headers and pglocks/pglocks.hpp", "umbrella.cpp"),
    "pglocks-umbrella-precompiled": Unit("SOCI's headers and pglocks/pglocks.hpp, precompiled", "umbrella.cpp",
                                         precompiled=True),
    "pglocks-4-lock-types": Unit("... and guards of 4 lock types", "guards.cpp", ("-DLOCK_TYPES=4",)),
    "pglocks-24-lock-types": Unit("... and guards of 24 lock types", "guards.cpp", ("-DLOCK_TYPES=24",)),
}


def find_compiler(commands):
    words = shlex.split(next(entry["command"] for entry in json.loads(commands.read_text())
                             if entry["file"].endswith(COMPILED_AS.name)))
    return next(word for word in words if pathlib.Path(word).name not in ("ccache", "sccache"))


def succeed(status, what):
    if status != 0:
        sys.exit(f"compile_contestants.py: {what} could not be compiled")


class Compilation:
    def __init__(self, commands, unit, scratch):
        self.compiler = find_compiler(commands)
        self.origin = f"{commands}:{COMPILED_AS}"
        self.arguments = [*unit.options, "-O0", "-c", TESTS / "compile_time" / unit.source, "-o", scratch / "unit.o"]
        if unit.precompiled:
            header = scratch / "pglocks.hpp.gch"
            succeed(precompile(self.compiler, self.origin, header, scratch / "pglocks.d"), "the precompiled header")
            self.arguments += (["-include-pch", header] if is_clang(self.compiler)
                               else ["-include", header.with_suffix(""), "-Werror=invalid-pch"])

    def run(self, count):
        """The CPU time of so many compilations, in nanoseconds."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(count):
            run = compile_(self.compiler, self.origin, self.arguments)
            sys.stderr.write(run.stderr)
            succeed(run.returncode, "the unit")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return round(1e9 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", type=pathlib.Path, metavar="COMPILE_COMMANDS")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--versions", action="store_true")
    parser.add_argument("--contestant", choices=UNITS)
    asked, _ = parser.parse_known_args()  # others ask for a server
    if asked.list:
        for name, unit in UNITS.items():
            print(name, "compile", unit.label, sep="\t")
        return
    if asked.versions:
        return
    with tempfile.TemporaryDirectory() as scratch:
        protocol.answer(Compilation(asked.commands, UNITS[asked.contestant], pathlib.Path(scratch)).run)


if __name__ == "__main__":
    main()
