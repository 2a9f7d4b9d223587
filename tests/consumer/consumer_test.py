#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of how another project finds and uses the library: a program of two units, and one with a shared library, are
built against the installed package and against a subproject, and run on a server.

  consumer_test.py MESON VERSION [OPTION_OF_UNITTEST...]

CXX is the compiler.
"""
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / 'pglock'))
from stage import Server
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Wold-style-cast', '-Werror']
meson = version = None


def run(*command, **variables):
    """What the command prints on standard output. What it says otherwise is told if it fails."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **variables})
    if done.returncode != 0:
        raise AssertionError(f'{shlex.join(done.args)}: exit status {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


class Consumer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.prefix = cls.root / 'prefix'
        run(meson, 'setup', f'--prefix={cls.prefix}', '-Dtests=disabled', '-Dexamples=disabled', cls.root / 'library',
            LIBRARY)
        run(meson, 'install', '-C', cls.root / 'library')
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        cls.pkg_config = {'PKG_CONFIG_PATH': str(cls.prefix / 'share' / 'pkgconfig')}

    def setUp(self):
        self.source = self.root / self.id()
        self.build = self.source / 'build'
        self.source.mkdir()
        for file in HERE.glob('*.?pp'):
            shutil.copy(file, self.source)
        for template in ('CMakeLists.txt.in', 'meson.build.in'):
            shutil.copy(HERE / template, self.source / template.removesuffix('.in'))

    def compile(self, *arguments):
        flags = shlex.split(run('pkg-config', '--cflags', '--libs', 'pglocks', **self.pkg_config))
        return run(*shlex.split(os.environ.get('CXX', 'g++')), *arguments, *flags)

    def test_pkg_config_and_the_compiler_alone_are_enough(self):
        strict = ['-std=c++20', *WARNINGS, '-fvisibility=hidden']
        program, library = self.source / 'program', self.source / 'libreports.so'
        self.compile(*strict, self.source / 'consumer.cpp', self.source / 'reports.cpp', '-o', program)
        self.assertIn('nightly-report', run(program, **self.server.variables()))
        self.compile(*strict, '-shared', '-fPIC', self.source / 'reports.cpp', '-o', library)
        self.compile(*strict, self.source / 'consumer.cpp', library, '-o', program)
        self.assertIn('nightly-report', run(program, **self.server.variables()))

    def test_soci_with_a_cmake_package_is_found_and_hides_no_header(self):
        package, prefix = self.source / 'soci', self.source / 'prefix'
        package.mkdir()
        shutil.copy(HERE / 'SOCIConfig.cmake.in', package / 'SOCIConfig.cmake')
        told = run(meson, 'setup', f'--prefix={prefix}', f'-Dcmake_prefix_path={package}', '-Dtests=disabled',
                   '-Dexamples=disabled', self.build, LIBRARY)
        self.assertRegex(told, '(?i)soci .*found: .*YES')
        run(meson, 'install', '-C', self.build)

        flags = shlex.split(run('pkg-config', '--cflags', 'pglocks', PKG_CONFIG_PATH=str(prefix / 'share/pkgconfig')))
        run(*shlex.split(os.environ.get('CXX', 'g++')), '-std=c++20', '-fsyntax-only', self.source / 'reports.cpp',
            *flags)
        run('cmake', '-S', self.source, '-B', self.source / 'cmake', f'-DCMAKE_PREFIX_PATH={package};{prefix}')
        run('cmake', '--build', self.source / 'cmake', '--target', 'reports')

    def test_an_older_standard_is_told_what_to_write(self):
        source = self.source / 'old.cpp'
        source.write_text('#include <pglocks/pglocks.hpp>\n')
        with self.assertRaisesRegex(AssertionError, '-std=c[+][+]20') as told:
            self.compile('-std=c++17', '-fsyntax-only', source)
        self.assertEqual(str(told.exception).count('error:'), 1)

    def test_pkg_config_tells_the_version(self):
        self.assertEqual(run('pkg-config', '--modversion', 'pglocks', **self.pkg_config).strip(), version)

    def test_the_documentation_is_installed(self):
        pages = self.prefix / 'share' / 'doc' / 'pglocks'
        for page in ('troubleshooting.md', 'tutorial/first_lock.md', 'reference/errors.md', 'LICENSE'):
            self.assertTrue((pages / page).is_file(), page)

    def test_nothing_is_compiled_to_install_the_headers(self):
        self.assertEqual(list((self.root / 'library').rglob('*.o')), [])

    def test_the_command_is_installed_with_its_manual_page(self):
        run(meson, 'setup', f'--prefix={self.prefix}', '-Dpglock=enabled', '-Dtests=disabled', '-Dexamples=disabled',
            self.build, LIBRARY)
        installed = json.loads(run(meson, 'introspect', '--installed', self.build)).values()
        for file in ('bin/pglock', 'share/man/man1/pglock.1'):
            self.assertIn(str(self.prefix / file), installed)

    def test_cmake_finds_the_package(self):
        run('cmake', '-S', self.source, '-B', self.build, f'-DCMAKE_PREFIX_PATH={self.prefix}')
        run('cmake', '--build', self.build)
        run('ctest', '--test-dir', self.build, '--output-on-failure', **self.server.variables())

    def test_cmake_refuses_another_series(self):
        (self.source / 'CMakeLists.txt').write_text(
            'cmake_minimum_required(VERSION 3.18)\nproject(consumer CXX)\nfind_package(pglocks ${wanted} REQUIRED)\n')
        major, minor, patch = (int(number) for number in version.split('.'))
        for good in (f'{major}', f'{major}.{minor}', version):
            run('cmake', '-S', self.source, '-B', self.build, f'-DCMAKE_PREFIX_PATH={self.prefix}', f'-Dwanted={good}')
        for bad in (f'{major}.{minor}.{patch + 1}', f'{major}.{minor + 1}', f'{major + 1}'):
            with self.assertRaisesRegex(AssertionError, 'compatible with requested version'):
                run('cmake', '-S', self.source, '-B', self.build, f'-DCMAKE_PREFIX_PATH={self.prefix}',
                    f'-Dwanted={bad}')

    def test_meson_finds_the_package(self):
        run(meson, 'setup', '--wrap-mode=nofallback', self.build, self.source, **self.pkg_config)
        run(meson, 'test', '-C', self.build, **self.server.variables())

    def test_a_meson_subproject_adds_no_target_and_installs_nothing(self):
        (self.source / 'subprojects').mkdir()
        (self.source / 'subprojects' / 'pglocks').symlink_to(LIBRARY)
        run(meson, 'setup', '--wrap-mode=nofallback', '--force-fallback-for=pglocks', self.build, self.source)
        run(meson, 'test', '-C', self.build, **self.server.variables())
        targets = json.loads(run(meson, 'introspect', '--targets', self.build))
        self.assertEqual({target['name'] for target in targets}, {'two_units', 'shared', 'reports'})
        self.assertEqual(json.loads(run(meson, 'introspect', '--installed', self.build)), {})


if __name__ == '__main__':
    meson, version, *options = sys.argv[1:]
    unittest.main(argv=sys.argv[:1] + options)
