#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What pglock tells about the locks of others, and about the connection: see stage.py."""
import json
import re
import signal
import socket
import subprocess
import sys

import stage


class TheList(stage.Test):
    def setUp(self):
        super().setUp()
        self.holder = self.session('nightly backup')

    def listed(self, *arguments):
        return json.loads(self.succeeds(*arguments, '--json'))

    def test_without_locks_has_its_heads_alone(self):
        self.assertEqual(len(self.succeeds('--list').splitlines()), 1)
        self.assertEqual(self.listed('--list'), [])

    def test_shows_holders_and_waiters(self):
        self.holder.ask('select pg_advisory_lock(-7)')
        run = self.start('-s', '--key', '-7', '--', 'true')
        self.waits()
        rows = [re.split(r' {2,}', row) for row in self.succeeds('--list').splitlines()]
        self.assertEqual(rows[0], ['KEY', 'MODE', 'LOCK', 'WAITS', 'PID', 'USER', 'CLIENT', 'SESSION', 'STATE',
                                   'BLOCKED BY', 'APPLICATION'])
        self.assertEqual([rows[1][i] for i in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)],
                         ['-7', 'exclusive', 'held', '-', str(self.holder.pid), 'postgres', 'local', 'idle', '-',
                          'nightly backup'])
        self.assertEqual([rows[2][i] for i in (0, 1, 2, 9, 10)],
                         ['-7', 'shared', 'waiting', str(self.holder.pid), 'pglock'])
        self.assertRegex(rows[2][3], r'^\d\.\d s$')
        self.holder.end()
        run.result()

    def test_has_typed_values_for_programs(self):
        self.holder.ask('select pg_advisory_lock(-7), pg_advisory_lock_shared(1, -2)')
        run = self.start('--key', '-7', '--', 'true')
        self.waits()
        held, waiting, pair = self.listed('--list')
        self.assertEqual((held['key'], held['key_numbers']), ('-7', [-7]))
        self.assertEqual((held['mode'], held['granted']), ('exclusive', True))
        self.assertEqual((held['pid'], held['blocked_by']), (self.holder.pid, []))
        self.assertEqual((held['user'], held['application'], held['client_address'], held['waiting_seconds']),
                         ('postgres', 'nightly backup', '', None))
        self.assertGreater(held['session_seconds'], 0)
        self.assertEqual((waiting['key'], waiting['granted'], waiting['blocked_by']), ('-7', False, [self.holder.pid]))
        self.assertGreaterEqual(waiting['waiting_seconds'], 0)
        self.assertEqual((pair['key'], pair['key_numbers'], pair['mode']), ('1,-2', [1, -2], 'shared'))
        self.assertEqual((pair['classid'], pair['objid'], pair['objsubid']), (1, 4294967294, 2))
        self.holder.end()
        run.result()

    def test_of_one_lock_has_no_other(self):
        self.holder.ask('select pg_advisory_lock(' + stage.key_of('name') + '), pg_advisory_lock(5)')
        self.assertEqual([lock['key'] for lock in self.listed('--who', 'name')], [stage.key_of('name')])
        self.assertEqual([lock['key'] for lock in self.listed('--who', '--key', '5')], ['5'])
        self.assertEqual(self.listed('--who', 'name', '--hash', 'sqlx'), [])
        output = self.succeeds('--who', 'name')
        self.assertIn('lock "name" (key ', output)
        self.assertIn(str(self.holder.pid), output)
        self.assertIn('nobody holds it', self.succeeds('--who', 'other'))

    def test_is_printed_again_and_again(self):
        run = self.start('--list', '--json', '--watch', '0.1')
        self.assertEqual(json.loads(run.process.stdout.readline()), [])
        self.holder.ask('select pg_advisory_lock(9)')
        self.assertTrue(stage.eventually(lambda: json.loads(run.process.stdout.readline()) != []))
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.result()[0], -signal.SIGINT)

    def test_on_a_terminal_is_refreshed_in_place(self):
        terminal = stage.Terminal('--list', '--watch', '0.1', server=self.server)
        self.addCleanup(terminal.end)
        terminal.shows(r'\x1b\[H\x1b\[2JKEY .*\r\n\x1b\[H\x1b\[2JKEY ')
        self.holder.ask('select pg_advisory_lock(77)')
        terminal.shows(r'\r\n77 +exclusive +held')
        terminal.type('\x03')
        self.assertEqual(terminal.result(), -signal.SIGINT)

    def test_survives_names_that_are_no_text(self):
        self.holder.ask("set application_name = E'a\\tb'")
        self.holder.ask('select pg_advisory_lock(9)')
        self.assertEqual(len(self.listed('--list')), 1)
        self.assertEqual(len(self.succeeds('--list').splitlines()), 2)

    def test_to_nobody_ends(self):
        run = subprocess.run(f'{stage.program} --list --watch 0.1 | head -n 1', shell=True, text=True,
                             capture_output=True, timeout=stage.DEADLINE,
                             env=stage.clean_environment(**self.server.variables()))
        self.assertIn('KEY', run.stdout)
        self.assertEqual(run.stderr, '')


class TheCheck(stage.Test):
    def test_of_a_primary_is_good_and_shows_the_settings(self):
        status, output, messages = self.run_to_end('--check')
        self.assertEqual((status, messages), (0, ''))
        for expected in (r'connection +direct, backend \d+', r'role +primary', r'server +PostgreSQL',
                         r'transport +Unix socket', r'client_connection_check_interval = 1000 ms',
                         r'locks +can be had'):
            self.assertRegex(output, expected)

    def test_of_a_network_shows_its_settings(self):
        port = self.free_port()
        server = stage.Server('listen_addresses=127.0.0.1', f'port={port}')
        self.addCleanup(server.stop)
        output = self.succeeds('--check', '-d', f'host=127.0.0.1 port={port} user=postgres dbname=postgres')
        for expected in (r'transport +TCP, seen from the server as 127\.0\.0\.1', r'tcp_user_timeout = 3333 ms',
                         r'tcp_keepalives_idle = 2 s'):
            self.assertRegex(output, expected)

    def test_of_a_standby_and_of_a_pooler_is_69(self):
        standby = stage.Server(primary=self.server)
        self.addCleanup(standby.stop)
        status, output, _ = self.run_to_end('--check', server=standby)
        self.assertEqual(status, 69)
        self.assertRegex(output, r'role +standby')
        self.assertRegex(output, r'locks +refused: .*standby')
        pooler = stage.PgBouncer(self.server, 'transaction')
        self.addCleanup(pooler.stop)
        status, output, _ = self.run_to_end('--check', '-d', pooler.conninfo())
        self.assertEqual(status, 69)
        self.assertRegex(output, r'connection +pooled')
        self.assertRegex(output, r'locks +refused: .*pooler')

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            return probe.getsockname()[1]


if __name__ == '__main__':
    sys.exit(stage.main())
