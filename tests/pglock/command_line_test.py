#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What pglock makes of its command line: see stage.py."""
import subprocess
import sys
import tempfile
import unittest

import stage

BAD = (
    (),
    ('name',),
    ('name', '--'),
    ('--', 'true'),
    ('--', '-name'),
    ('--key', '1', '--', ),
    ('', '--', 'true'),
    ('-Q', 'name', '--', 'true'),
    ('--no-such-option', 'name', '--', 'true'),
    ('-w', 'soon', 'name', '--', 'true'),
    ('-w', '-1', 'name', '--', 'true'),
    ('-w', 'nan', 'name', '--', 'true'),
    ('-n', '-w', '3', 'name', '--', 'true'),
    ('-s', '-x', 'name', '--', 'true'),
    ('-E', '256', 'name', '--', 'true'),
    ('-E', 'x', 'name', '--', 'true'),
    ('-E', '-1', 'name', '--', 'true'),
    ('-E', '', 'name', '--', 'true'),
    ('-F', 'name', '--', 'true'),
    ('-c', 'true', 'name', '--', 'true'),
    ('--grace', 'x', 'name', '--', 'true'),
    ('--on-loss', 'panic', 'name', '--', 'true'),
    ('--hash', 'md4', 'name', '--', 'true'),
    ('--hash', 'all', 'name', '--', 'true'),
    ('--hash', 'siphash', 'name', '--', 'true'),
    ('--hash', 'none', 'name', '--', 'true'),
    ('--hash', 'in-namespace', 'name', '--', 'true'),
    ('--hash', 'sqlx', b'\xff', '--', 'true'),
    ('--key', '9223372036854775808', '--', 'true'),
    ('--key', '1,2147483648', '--', 'true'),
    ('--key', '1,2,3', '--', 'true'),
    ('--key', '1', 'true'),
    ('--key', '1', '--hash', 'postgres', '--', 'true'),
    ('--on-loss', 'ignore', '--grace', '3', 'name', '--', 'true'),
    ('--key', '', '--', 'true'),
    ('--key', ' 1', '--', 'true'),
    ('--key', '0x1', '--', 'true'),
    ('--key', '1', 'name', '--', 'true'),
    ('--json', 'name', '--', 'true'),
    ('--watch', '1', 'name', '--', 'true'),
    ('--list', '--check'),
    ('--list', '-n'),
    ('--list', '--', 'true'),
    ('--who',),
    ('--who', 'name', '--key', '1'),
    ('--who', '--key', '1', 'name'),
    ('--who', ''),
    ('--print-key',),
    ('--print-key', ''),
    ('--print-key', 'name', '--dsn', 'host=h'),
    ('--check', '--json'),
)


def run(*arguments, **variables):
    ended = subprocess.run([stage.program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                           env=stage.clean_environment(**variables), timeout=stage.DEADLINE)
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode(errors='replace')


class TheCommandLine(unittest.TestCase):
    def test_that_makes_no_sense_is_64_and_one_line(self):
        for arguments in BAD:
            with self.subTest(arguments=arguments):
                status, output, messages = run(*arguments)
                self.assertEqual((status, output), (64, ''), messages)
                self.assertTrue(stage.one_line(messages), messages)

    def test_names_the_hashes_there_are(self):
        self.assertIn('postgres-hashtext', run('--hash', 'x', 'name', '--', 'true')[2])

    def test_says_why_the_lock_cannot_stay_without_pglock(self):
        self.assertIn('must watch', run('--no-fork', 'name', '--', 'true')[2])

    def test_has_help_and_a_version(self):
        for option in ('-h', '--help'):
            status, output, messages = run(option)
            self.assertEqual((status, messages), (0, ''))
            self.assertIn('Usage: pglock [OPTIONS] NAME -- COMMAND', output)
        for option in ('-V', '--version'):
            self.assertRegex(run(option)[1], r'^pglock \d+\.\d+\.\d+\n$')


class AKey(unittest.TestCase):
    def test_is_alone_on_its_line(self):
        self.assertEqual(run('--print-key', 'my_lock'), (0, '-1671245870086436735\n', ''))
        self.assertEqual(run('--print-key', 'my_lock', '--hash', 'postgres-hashtext'), (0, '1562953857\n', ''))

    def test_of_a_name_that_begins_with_a_dash_is_asked_for_with_an_equals_sign(self):
        self.assertEqual(run('--print-key=-name', '--hash', 'django-pglocks'), (0, '-2146124366\n', ''))

    def test_of_a_pair_has_a_comma(self):
        self.assertEqual(run('--print-key', 'x', '--hash', 'distributed-lock'), (0, '-251658241,-1\n', ''))

    def test_is_shown_as_pg_locks_shows_it_when_asked(self):
        self.assertEqual(run('-v', '--print-key', 'my_lock', '--hash', 'postgres-hashtext')[1],
                         '1562953857\nclassid=0 objid=1562953857 objsubid=1\n')

    def test_is_of_the_name_wherever_the_options_stand(self):
        for arguments in (('--print-key', '-v', 'my_lock'), ('-v', 'my_lock', '--print-key'),
                          ('my_lock', '--print-key', '-v')):
            self.assertEqual(run(*arguments), run('-v', '--print-key', 'my_lock'), arguments)
        self.assertEqual(run('--print-key', 'my_lock', 'another')[0], 64)

    def test_is_printed_for_every_hash(self):
        _, output, _ = run('--print-key', 'nightly-report', '--hash', 'all')
        rows = {row.split()[0]: row.split()[1] for row in output.splitlines()[1:]}
        for name in ('postgres', 'postgres-hashtext', 'sha256', 'django-pglocks', 'distributed-lock', 'sqlx'):
            self.assertEqual(rows[name] + '\n', run('--print-key', 'nightly-report', '--hash', name)[1], name)
        self.assertEqual(rows['siphash'], '-')

    def test_needs_a_name_that_the_hash_can_map(self):
        status, output, _ = run('--print-key', b'\xff', '--hash', 'all')
        self.assertEqual(status, 0)
        rows = {row.split()[0]: row.split()[1] for row in output.splitlines()[1:]}
        self.assertEqual(rows['sqlx'], '-')
        self.assertNotEqual(rows['postgres'], '-')


class AConnectionString(unittest.TestCase):
    def test_keeps_its_secrets(self):
        for dsn in ('postgresql://app:hush-hush@localhost:1/db', 'postgresql://app:hush@hush@localhost:1/db',
                    'host=localhost port=1 password=hush-hush', "host=localhost port=1 password='hush hush'",
                    "host=localhost port=1 password='a=hush hush hush'", 'password=hush hush', 'password hush',
                    'postgresql://app:hush%zz@localhost/db', "host=/nowhere password='hush",
                    'nonsense=hush password=hush',
                    r"host=/nowhere password='hush\'hush'", 'host=/nowhere sslpassword=hush password=hush',
                    'postgresql://app:hush%20hush/x@localhost:1/db', 'postgresql://app:1/hush%2Fhush@localhost/db',
                    'postgresql://localhost:1/db?password=hush&x=y', 'postgresql://localhost/db?passwrod=hush',
                    'postgresql://app:q@hush%09hush@nohost.invalid/db', 'postgresql://app:q@hush\xef@nohost.invalid/db'):
            for arguments in (('-v', 'name', '--', 'true'), ('--list',), ('--check',), ('--who', 'name')):
                with self.subTest(dsn=dsn, arguments=arguments):
                    status, output, messages = run('--dsn', dsn, *arguments)
                    self.assertEqual(status, 69, messages)
                    self.assertNotIn('hush', output + messages)
                    self.assertTrue(stage.one_line(messages), messages)

    def test_keeps_its_secrets_behind_an_option_that_there_is_not(self):
        for option in ('--dns=password=hush', '--dns:password:hush', '--password hush', '-Dpassword=hush'):
            status, output, messages = run(option, 'name', '--', 'true')
            self.assertEqual(status, 64, messages)
            self.assertIn('there is no option -', messages)
            self.assertNotIn('hush', output + messages)

    def test_keeps_short_ones_too(self):
        for dsn in ('postgresql://app:q/x@localhost:1/db', 'postgresql://app:pw@q@localhost:1/db', 'password=q zz',
                    'postgresql://app:q%20q/x@localhost:1/db'):
            status, _, messages = run('--dsn', dsn, 'name', '--', 'true')
            self.assertEqual(status, 69, messages)
            self.assertNotRegex(messages, '"[^"]*q[^"]*"', dsn)  # of other words it may be a letter

    def test_keeps_what_the_environment_and_a_service_file_have(self):
        with tempfile.NamedTemporaryFile('w') as services:
            services.write('[good]\nhost=localhost\nport=1\npassword=hush\n[bad]\npassword hush\n')
            services.flush()
            for variables in ({'PGPASSWORD': 'hush', 'PGHOST': 'localhost', 'PGPORT': '1'}, {'PGSERVICE': 'good'},
                              {'PGSERVICE': 'bad'}):
                status, output, messages = run('-v', 'name', '--', 'true', PGSERVICEFILE=services.name, **variables)
                self.assertEqual(status, 69, messages)
                self.assertNotIn('hush', output + messages)
                self.assertTrue(stage.one_line(messages), messages)

    def test_that_libpq_does_not_understand_is_explained_in_words_of_the_command_line(self):
        for dsn in ('nonsense', 'host', "host='x", 'no_such_option=1', 'postgresql://[::1'):
            status, _, messages = run('--dsn', dsn, 'name', '--', 'true')
            self.assertEqual(status, 69)
            self.assertRegex(messages, 'keyword=value pairs, or a postgresql:// URI')

    def test_keeps_them_when_its_option_is_mistyped(self):
        for arguments in (('--dns=password=hush', 'name', '--', 'true'), ('-Dpassword=hush', 'name', '--', 'true'),
                          ('--list', 'postgresql://app:hush@host/db'), ('-w', 'password=hush', 'name', '--', 'true'),
                          ('--key', 'password=hush', '--', 'true')):
            status, output, messages = run(*arguments)
            self.assertEqual(status, 64)
            self.assertNotIn('hush', output + messages, arguments)

    def test_that_leads_nowhere_is_69(self):
        status, _, messages = run('--dsn', 'host=/nowhere', 'name', '--', 'true')
        self.assertEqual(status, 69)
        self.assertIn('/nowhere', messages)


if __name__ == '__main__':
    sys.exit(stage.main())
