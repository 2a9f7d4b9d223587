#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What pglock tells about the locks of others, and about the connection: see stage.py."""
import json
import re
import select
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

    def test_shows_nothing_that_a_terminal_would_obey(self):
        evil = 'e\x1b[2Jvil\x9bm\u202e'  # C1 control characters, too, and what turns the direction
        self.server.ask(f'create role "{evil}" login')
        self.addCleanup(self.server.ask, f'drop role "{evil}"')
        holder = stage.Session(self.server, user=evil)
        self.addCleanup(holder.end)
        holder.ask('select pg_advisory_lock(9)')
        self.assertIn(' e?[2Jvil?m? ', self.succeeds('--list'))
        self.assertEqual(self.listed('--list')[0]['user'], evil)
        self.assertIn('(user e?[2Jvil?m?,', self.run_to_end('-vn', '--key', '9', '--', 'true')[2])
        self.assertIn('lock "a?[2J?" (key', self.succeeds('--who', b'a\x1b[2J\xff'))

    def test_has_columns_for_wide_characters(self):
        self.server.ask('create role "漢字🔒é" login')
        self.addCleanup(self.server.ask, 'drop role "漢字🔒é"')
        holder = stage.Session(self.server, user='漢字🔒é')
        self.addCleanup(holder.end)
        holder.ask('select pg_advisory_lock(9)')
        heads, row = self.succeeds('--list').splitlines()
        self.assertEqual(heads.index('CLIENT'), row.index('local') + 3)  # three of them take two columns

    def test_names_prepared_transactions(self):
        server = stage.Server('max_prepared_transactions=1')
        self.addCleanup(server.stop)
        server.ask("begin; select pg_advisory_xact_lock(9); prepare transaction 'it is due'")
        row = self.succeeds('--list', server=server).splitlines()[1]
        self.assertRegex(row, r"^9 +exclusive +held +- +prepared +postgres .* 'it is due'$")
        listed = json.loads(self.succeeds('--list', '--json', server=server))[0]
        self.assertEqual((listed['pid'], listed['prepared_transaction']), (None, 'it is due'))
        self.assertIn("held by the prepared transaction 'it is due'",
                      self.run_to_end('-vn', '--key', '9', '--', 'true', server=server)[2])

    def test_leaves_out_what_this_role_may_not_see(self):
        self.server.ask('create role guest login')
        self.addCleanup(self.server.ask, 'drop role guest')
        self.holder.ask('select pg_advisory_lock(9)')
        self.assertRegex(self.succeeds('--list', '-d', 'user=guest').splitlines()[1],
                         rf'^9 +exclusive +held +- +{self.holder.pid} +postgres +- +- +- +- +nightly backup$')
        listed = json.loads(self.succeeds('--list', '--json', '-d', 'user=guest'))[0]
        self.assertEqual([listed[what] for what in ('client_address', 'state', 'session_seconds')], [None] * 3)

    def test_is_apart_in_a_pipe(self):
        run = self.start('--list', '--watch', '0.1')
        lines = [run.process.stdout.readline() for _ in range(3)]
        self.assertTrue(lines[0].startswith('KEY'))
        self.assertEqual(lines[1:], ['\n', lines[0]])
        run.process.terminate()
        run.result()

    def test_is_not_printed_at_once_again_when_the_pause_is_endless(self):
        run = self.start('--list', '--json', '--watch', '1e300')
        self.assertEqual(run.process.stdout.readline(), '[]\n')
        self.assertFalse(select.select([run.process.stdout], [], [], 0.5)[0])
        run.process.terminate()
        run.result()

    def test_that_cannot_be_written_is_71(self):
        for arguments in (('--list',), ('--list', '--json'), ('--who', 'name'), ('--check',)):
            status, _, messages = self.run_to_end(*arguments, prefix=('sh', '-c', 'exec "$0" "$@" >/dev/full'))
            self.assertEqual(status, 71, arguments)
            self.assertTrue(stage.one_line(messages), messages)

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

    def test_of_a_look_alike_is_69(self):
        server = stage.Server('allow_system_table_mods=on')
        self.addCleanup(server.stop)
        server.ask("create or replace function pg_catalog.version() returns text language sql "
                   "as $$ select 'CockroachDB CCL v25.1.0' $$")
        status, output, _ = self.run_to_end('--check', server=server)
        self.assertEqual(status, 69)
        self.assertRegex(output, r'server +a look-alike')
        self.assertRegex(output, r'locks +refused: .*CockroachDB')
        status, output, messages = self.run_to_end('name', '--', 'echo', 'x', server=server)
        self.assertEqual((status, output), (69, ''))
        self.assertTrue(stage.one_line(messages), messages)

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            return probe.getsockname()[1]


if __name__ == '__main__':
    sys.exit(stage.main())
