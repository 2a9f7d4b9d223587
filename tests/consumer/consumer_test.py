#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A project that uses the library as a Meson subproject is set up, built and run; it gets no tests of the library's.

  consumer_test.py MESON CONSUMER LIBRARY
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

meson, consumer, library = sys.argv[1:]


def run(*command):
    print('$', *command, flush=True)
    return subprocess.run(command, check=True, stdout=None if command[1] != 'introspect' else subprocess.PIPE).stdout


with tempfile.TemporaryDirectory() as directory:
    source = pathlib.Path(directory) / 'source'
    build = pathlib.Path(directory) / 'build'
    (source / 'subprojects').mkdir(parents=True)
    shutil.copy(pathlib.Path(consumer) / 'consumer.cpp', source)
    shutil.copy(pathlib.Path(consumer) / 'meson.build.in', source / 'meson.build')
    os.symlink(library, source / 'subprojects' / 'pglocks')
    run(meson, 'setup', '--wrap-mode=nofallback', '--force-fallback-for=pglocks', build, source)
    run(meson, 'compile', '-C', build)
    run(meson, 'test', '-C', build)
    targets = json.loads(run(meson, 'introspect', '--targets', build))
    if [target['name'] for target in targets] != ['consumer']:
        sys.exit(f'the subproject adds targets: {[target["name"] for target in targets]}')
