#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What pglock makes of a command and of others who want the lock: see stage.py."""
import os
import signal
import subprocess
import sys
import time

import stage


class TheCommand(stage.Test):
    def test_has_the_output_and_pglock_adds_nothing(self):
        self.assertEqual(self.run_to_end('name', '--', 'echo', 'hello'), (0, 'hello\n', ''))
        status, output, messages = self.run_to_end('-v', 'name', '--', 'echo', 'hello')
        self.assertEqual((status, output), (0, 'hello\n'))
        self.assertIn('holds lock "name" (key ', messages)

    def test_passes_on_its_exit_status(self):
        for status in (0, 1, 3, 64, 255):
            self.assertEqual(self.run_to_end('name', '--', 'sh', '-c', f'exit {status}')[0], status)

    def test_passes_on_the_signal_that_ended_it(self):
        for number in (2, 9, 15):
            self.assertEqual(self.run_to_end('name', '--', 'sh', '-c', f'kill -{number} $$')[0], -number)

    def test_has_the_name_and_the_key_in_its_environment(self):
        show = ('--', 'sh', '-c', 'echo "${PGLOCK_NAME-none} $PGLOCK_KEY"')
        self.assertEqual(self.succeeds('my_lock', *show), 'my_lock -1671245870086436735\n')
        self.assertEqual(self.succeeds('--key', '-1,2', *show, PGLOCK_NAME='outer'), 'none -1,2\n')
        self.assertEqual(self.succeeds('--hash', 'distributed-lock', 'x', *show), 'x -251658241,-1\n')

    def test_holds_the_lock_that_is_printed(self):
        for arguments, key in ((('x', '--hash', 'distributed-lock'), 'classid=4043309055 objid=4294967295 objsubid=2'),
                               (('--key', '-7'), 'classid=4294967295 objid=4294967289 objsubid=1'),
                               (('--key', '3,-4'), 'classid=3 objid=4294967292 objsubid=2')):
            run = self.start(*arguments, '--', 'sleep', stage.DEADLINE)
            self.holds()
            self.assertEqual(self.server.ask(
                "select format('classid=%s objid=%s objsubid=%s', classid, objid, objsubid) from pg_locks "
                "where locktype = 'advisory'"), key)
            run.process.terminate()
            run.result()

    def test_may_be_written_as_for_flock(self):
        self.assertEqual(self.succeeds('name', 'echo', '-n', 'x', '--', 'y'), 'x -- y')
        self.assertEqual(self.succeeds('-x', '-w5', 'name', '-c', 'echo $0 $#', SHELL='/bin/sh'), '/bin/sh 0\n')
        self.assertEqual(self.succeeds('-c', 'echo a; echo b', 'name'), 'a\nb\n')
        self.assertEqual(self.succeeds('-nE9', '--close', 'name', '--', 'printf', '%s', '--help'), '--help')

    def test_may_have_every_spelling_of_an_option(self):
        for wait in (('-w', '5'), ('-w5',), ('--wait', '5'), ('--wait=0.5',), ('--timeout', '5'), ('--timeout=.5',),
                     ('-n',), ('--nb',), ('--nonblock',), ('-n', '-n'), ('-w', '1', '-w', '2')):
            self.assertEqual(self.succeeds(*wait, '-e', 'name', '--', 'echo', 'x'), 'x\n', wait)
        for mode in ('-s', '--shared', '-x', '-e', '--exclusive', '-o', '--close'):
            self.assertEqual(self.succeeds(mode, 'name', '--command', 'echo x'), 'x\n', mode)
        for key, shown in ((('--key', '-5'), '-5'), (('--key=-1,2',), '-1,2'), (('--key', '-1,-2'), '-1,-2'),
                           (('--key', '-9223372036854775808'), '-9223372036854775808')):
            self.assertEqual(self.succeeds(*key, '--', 'sh', '-c', 'echo $PGLOCK_KEY'), shown + '\n')

    def test_runs_in_the_shell_that_is_wanted(self):
        show = ('name', '-c', 'echo "$0" "${BASH_VERSION:+bash}" $#')
        self.assertEqual(self.succeeds(*show, SHELL='/bin/bash'), '/bin/bash bash 0\n')
        self.assertEqual(self.succeeds(*show, SHELL=''), '/bin/sh  0\n')
        self.assertEqual(self.succeeds('name', '-c', ''), '')
        self.assertEqual(self.run_to_end('name', '-c', 'true', SHELL='/nowhere/shell')[0], 127)

    def test_may_have_a_lock_of_any_name(self):
        show = ('sh', '-c', 'printf %s "$PGLOCK_NAME"')
        for name in ('-name', '--list', '-', 'name'):
            self.assertEqual(self.succeeds('--', name, '--', *show), name)
        self.assertEqual(self.succeeds('--', '-name', *show), '-name')
        for name in ('-name', 'name'):
            self.assertEqual(self.succeeds('-c', show[2], '--', name), name)
        for name in ('x' * 100_000, '漢字 🔒', ' ', "o'brien", '0', 'a\nb'):
            self.assertEqual(self.succeeds(name, '--', *show), name)
        self.assertEqual(self.succeeds(b'\xff\x1b', '--', 'echo', 'x'), 'x\n')
        self.assertEqual(self.succeeds('--application-name', b'\xff' * 100, 'name', '--', 'echo', 'x'), 'x\n')

    def test_reads_the_input(self):
        run = self.start('name', '--', 'cat', stdin=subprocess.PIPE)
        run.process.stdin.write('some\ninput\n')
        self.assertEqual(run.result(), (0, 'some\ninput\n', ''))

    def test_ends_as_a_pipe_does_when_nobody_reads(self):
        run = self.start('name', '--', 'yes', prefix=('env', '--default-signal=PIPE'))
        run.process.stdout.readline()
        run.process.stdout.close()
        self.assertEqual(run.process.wait(timeout=stage.DEADLINE), -signal.SIGPIPE)

    def test_that_does_not_exist_is_127_and_one_that_may_not_run_is_126(self):
        status, output, messages = self.run_to_end('name', '--', '/nowhere/command')
        self.assertEqual((status, output), (127, ''))
        self.assertTrue(stage.one_line(messages), messages)
        self.assertEqual(self.run_to_end('name', '--', '/etc/passwd')[0], 126)
        self.assertEqual(self.run_to_end('name', '--', '/etc')[0], 126)
        self.assertEqual(self.run_to_end('name', '--', '')[0], 127)

    def test_inherits_no_descriptor(self):
        listing = self.succeeds('name', '--', 'sh', '-c', 'ls /proc/$$/fd; true')
        self.assertEqual(listing.split(), ['0', '1', '2'])

    def test_reads_nothing_of_the_connection_when_its_descriptors_are_closed(self):
        run = self.start('name', '--', 'sh', '-c', f'ls -l /proc/$$/fd >{self.directory}/open',
                         prefix=('sh', '-c', 'exec "$0" "$@" 0<&- 1>&- 2>&-'))
        self.assertEqual(run.result()[0], 0)
        self.assertNotIn('socket', (self.directory / 'open').read_text())

    def test_keeps_signals_ignored_that_were(self):
        ignored = self.succeeds('name', '--', 'grep', 'SigIgn', '/proc/self/status',
                                prefix=('sh', '-c', 'trap "" HUP; exec "$0" "$@"'))
        self.assertTrue(int(ignored.split()[1], 16) & 1)
        blocked = self.succeeds('name', '--', 'grep', 'SigBlk', '/proc/self/status')
        self.assertEqual(int(blocked.split()[1], 16), 0)

    def test_waits_on_when_a_signal_comes_that_is_ignored(self):
        holder = self.start('name', '--', 'cat', stdin=subprocess.PIPE)
        self.holds()
        run = self.start('name', '--', 'echo', 'x', prefix=('env', '--ignore-signal=HUP,INT'))
        self.waits()
        for number in (signal.SIGHUP, signal.SIGINT):
            run.process.send_signal(number)
        self.assertEqual(holder.result()[0], 0)
        self.assertEqual(run.result(), (0, 'x\n', ''))

    def test_keeps_its_status_when_its_guard_is_killed(self):
        run = self.start('name', '--', 'cat', stdin=subprocess.PIPE)
        self.holds()
        guards = stage.eventually(lambda: [process for process in run.processes()
                                           if stage.program_of(process) == 'pglock-guard'])
        os.kill(guards[0], signal.SIGKILL)
        self.assertEqual(run.result(), (0, '', ''))

    def test_keeps_its_status_where_its_parent_ignores_the_end_of_children(self):
        self.assertEqual(self.run_to_end('name', '--', 'sh', '-c', 'exit 3',
                                         prefix=('env', '--ignore-signal=CHLD'))[0], 3)

    def test_runs_under_a_connection_string_with_odd_characters(self):
        dsn = f"host={self.server.data} user=postgres dbname=postgres password='a=b c\\'d\\\\e'"
        self.assertEqual(self.succeeds('-d', dsn, 'name', '--', 'echo', 'x', server=None), 'x\n')
        uri = f'postgresql://postgres:p%20w@/postgres?host={self.server.data}'
        self.assertEqual(self.succeeds('-d', uri, 'name', '--', 'echo', 'x', server=None), 'x\n')

    def test_is_known_to_the_server_by_name(self):
        for arguments, name in ((('backup',), 'pglock backup'), (('--key', '1'), 'pglock'),
                                (('--application-name', "o'brien =x", 'n'), "o'brien =x")):
            run = self.start(*arguments, '--', 'sleep', stage.DEADLINE)
            self.holds()
            self.assertEqual(self.server.ask("select application_name from pg_stat_activity join pg_locks using (pid) "
                                             "where locktype = 'advisory'"), name)
            run.process.terminate()
            run.result()


class Others(stage.Test):
    def test_wait_until_the_command_has_ended(self):
        first = self.start('name', '--', 'sh', '-c',
                           f'while ! [ -e {self.directory}/go ]; do sleep 0.02; done; echo first')
        self.holds()
        second = self.start('name', '--', 'echo', 'second')
        self.waits()
        self.assertIsNone(second.process.poll())
        (self.directory / 'go').touch()
        self.assertEqual(first.result(), (0, 'first\n', ''))
        self.assertEqual(second.result(), (0, 'second\n', ''))

    def test_of_which_one_cron_job_runs(self):
        job = f'echo ran >>{self.directory}/ran; while ! [ -e {self.directory}/go ]; do sleep 0.02; done'
        jobs = [self.start('-n', 'nightly', '-c', job) for _ in range(8)]
        self.assertTrue(stage.eventually(lambda: sum(j.process.poll() is None for j in jobs) == 1))
        self.appears(self.directory / 'ran')
        (self.directory / 'go').touch()
        self.assertEqual(sorted(job.result()[0] for job in jobs), [0] + [1] * 7)
        self.assertEqual((self.directory / 'ran').read_text(), 'ran\n')

    def test_that_read_share_the_lock_and_a_writer_waits_for_all_of_them(self):
        wait = f'while ! [ -e {self.directory}/go ]; do sleep 0.02; done'
        readers = [self.start('-s', '-n', 'name', '-c', wait) for _ in range(3)]
        self.holds(3)
        self.assertEqual(self.run_to_end('-n', 'name', '--', 'true')[0], 1)
        writer = self.start('-x', 'name', '--', 'echo', 'written')
        self.waits()
        (self.directory / 'go').touch()
        self.assertEqual([reader.result()[0] for reader in readers], [0, 0, 0])
        self.assertEqual(writer.result(), (0, 'written\n', ''))

    def test_that_ask_for_another_lock_do_not_wait(self):
        holder = self.session()
        holder.ask('select pg_advisory_lock(' + stage.key_of('one') + ')')
        self.assertEqual(self.succeeds('-n', 'other', '--', 'echo', 'x'), 'x\n')

    def test_take_the_same_lock_in_sql(self):
        holder = self.session()
        holder.ask("select pg_advisory_lock(hashtextextended('name' collate \"C\", 0))")
        self.assertEqual(self.run_to_end('-n', 'name', '--', 'true')[0], 1)
        holder.ask("select pg_advisory_unlock_all()")
        holder.ask("select pg_advisory_lock(hashtext('name' collate \"C\"))")
        self.assertEqual(self.run_to_end('-n', '--hash', 'postgres-hashtext', 'name', '--', 'true')[0], 1)
        self.assertEqual(self.run_to_end('-n', 'name', '--', 'true')[0], 0)


class AConflict(stage.Test):
    def setUp(self):
        super().setUp()
        self.holder = self.session()
        self.holder.ask('select pg_advisory_lock(' + stage.key_of('name') + ')')

    def test_has_an_exit_status_of_its_own_and_says_nothing(self):
        ran = self.directory / 'ran'
        self.assertEqual(self.run_to_end('-n', 'name', '--', 'touch', ran), (1, '', ''))
        self.assertEqual(self.run_to_end('-n', '-E', '75', 'name', '--', 'touch', ran), (75, '', ''))
        self.assertEqual(self.run_to_end('-w', '0', '-E', '0', 'name', '--', 'touch', ran), (0, '', ''))
        self.assertFalse(ran.exists())

    def test_names_the_holder_when_asked(self):
        _, output, messages = self.run_to_end('-vn', 'name', '--', 'true')
        self.assertEqual(output, '')
        self.assertIn(f'held by pid {self.holder.pid}', messages)
        self.assertTrue(stage.one_line(messages), messages)

    def test_after_a_timeout_has_the_same_status(self):
        for seconds in (0.05, 0.5):
            begin = time.monotonic()
            self.assertEqual(self.run_to_end('-w', seconds, '-E', '9', 'name', '--', 'true'), (9, '', ''))
            self.assertGreaterEqual(time.monotonic() - begin, seconds)
            self.assertLess(time.monotonic() - begin, seconds + 5)

    def test_that_ends_within_the_timeout_is_none(self):
        run = self.start('-w', stage.DEADLINE, 'name', '--', 'echo', 'ran')
        self.waits()
        self.assertIsNone(run.process.poll())
        self.holder.end()
        self.assertEqual(run.result(), (0, 'ran\n', ''))

    def test_that_the_server_ends_with_an_error_is_75(self):
        for variables in ({'PGOPTIONS': '-c lock_timeout=200ms'}, {'PGOPTIONS': '--lock_timeout=200ms'}):
            status, output, messages = self.run_to_end('name', '--', 'true', **variables)
            self.assertEqual((status, output), (75, ''), messages)
            self.assertIn('55P03', messages)
            self.assertTrue(stage.one_line(messages), messages)
        uri = f'postgresql://postgres@/postgres?host={self.server.data}'
        keywords = f"host={self.server.data} user=postgres dbname=postgres password='a://b'"
        for dsn in (uri, uri + '&application_name=options', 'application_name=options', keywords,
                    uri.replace('postgres@', 'postgres:p?w@')):
            self.assertEqual(self.run_to_end('-d', dsn, 'name', '--', 'true', PGOPTIONS='-c lock_timeout=200ms')[0], 75)


class ACommandThatIsRefused(stage.Test):
    def test_is_refused_on_a_standby_and_behind_a_pooler(self):
        standby = stage.Server(primary=self.server)
        self.addCleanup(standby.stop)
        status, output, messages = self.run_to_end('name', '--', 'echo', 'x', server=standby)
        self.assertEqual((status, output), (69, ''))
        self.assertIn('standby', messages)
        for mode in ('session', 'transaction'):
            for ignored in ('options', 'extra_float_digits'):
                pooler = stage.PgBouncer(self.server, mode, ignored)
                self.addCleanup(pooler.stop)
                status, output, messages = self.run_to_end('-d', pooler.conninfo(), 'name', '--', 'echo', 'x')
                self.assertEqual((status, output), (69, ''))
                self.assertIn('pooler', messages)
                self.assertTrue(stage.one_line(messages), messages)


if __name__ == '__main__':
    sys.exit(stage.main())
