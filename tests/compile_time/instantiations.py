#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Proves that the library costs no more compile time than it is meant to.

Seconds depend on the machine and on what else it does; what a compiler instantiates does not, and is most of what the
library's headers cost. So instantiations of templates are counted, by clang's -ftime-trace, in four units: SOCI alone,
SOCI with the library's umbrella header, and with that a first lock type and some further ones. What the library adds is
held against limits.json.

  instantiations.py check COMPILER FLAGS_FROM LIMITS
  instantiations.py show COMPILER FLAGS_FROM UNIT [-DNAME=VALUE...]

show prints what is instantiated most often in a unit, and which of its instantiations take longest: run it before and
after a change to see what has grown. FLAGS_FROM is as in compile_fail.py, but no definition counts.
"""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / 'compile_fail'))
from compile_fail import compilation_of  # noqa: E402

FURTHER = 20
KINDS = ('InstantiateClass', 'InstantiateFunction')


def instantiations(compiler, origin, unit, *options):
    """All events of a unit's compilation that are instantiations."""
    directory, flags = compilation_of(origin)
    flags = [flag for flag in flags if not flag.startswith('-D')]  # such as a standard library's assertions
    with tempfile.TemporaryDirectory() as scratch:
        trace = pathlib.Path(scratch) / 'trace.json'
        subprocess.run([compiler, *flags, *options, '-O0', '-c', here / unit, '-o', pathlib.Path(scratch) / 'unit.o',
                        f'-ftime-trace={trace}', '-ftime-trace-granularity=0'],
                       cwd=directory, env={**os.environ, 'LC_ALL': 'C'}, check=True)
        events = json.loads(trace.read_text())['traceEvents']
    found = [event for event in events if event['name'] in KINDS]
    if not found:
        raise SystemExit(f'{compiler} has traced no instantiation of {unit}')
    return found


def measure(compiler, origin):
    """What the library adds, by figure."""
    def count(unit, *options):
        return len(instantiations(compiler, origin, unit, *options))
    base = count('base.cpp')
    umbrella = count('umbrella.cpp')
    first = count('locks.cpp', '-DLOCK_TYPES=1')
    all_types = count('locks.cpp', f'-DLOCK_TYPES={1 + FURTHER}')
    print(f'SOCI alone: {base}, with the umbrella header: {umbrella}, with one lock type: {first}, '
          f'with {1 + FURTHER}: {all_types}')
    return {'umbrella': umbrella - base, 'first_lock_type': first - umbrella,
            'further_lock_type': round((all_types - first) / FURTHER)}


def problems(figures, limits):
    """What exceeds its limit, and what has no limit or no figure."""
    for name in sorted(figures.keys() ^ limits.keys()):
        yield f'{name} has no limit' if name in figures else f'{name} has a limit, and is not measured'
    for name in sorted(figures.keys() & limits.keys()):
        limit = limits[name]['limit']
        if figures[name] > limit:
            yield (f'{name}: {figures[name]} instantiations, {limit} at most ({limits[name]["reason"]}): see what has '
                   'grown with "instantiations.py show", before and after the change; raise the limit in limits.json '
                   'only for something that is worth its compile time')


def check(compiler, origin, limits):
    limits = json.loads(pathlib.Path(limits).read_text())
    figures = measure(compiler, origin)
    for name, figure in figures.items():
        print(f'{name}: {figure}, limit {limits.get(name, {}).get("limit")}')
    return '\n'.join(problems(figures, limits)) or 0


def show(compiler, origin, unit, *options):
    events = instantiations(compiler, origin, unit, *options)
    templates = collections.Counter()
    times = collections.Counter()
    for event in events:
        detail = event['args']['detail']
        templates[re.sub(r'[<(].*', '', detail)] += 1
        times[detail] += event['dur']
    print(f'{len(events)} instantiations; most often:')
    for template, count in templates.most_common(40):
        print(f'{count:7} {template}')
    print('longest, in microseconds, with what they instantiate in turn:')
    for detail, time in times.most_common(40):
        print(f'{time:7} {detail}')
    return 0


if __name__ == '__main__':
    sys.exit({'check': check, 'show': show}[sys.argv[1]](*sys.argv[2:]))
