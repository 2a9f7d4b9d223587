#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What pglock shows while it waits: on a terminal, a real one, and in a pipe: see stage.py."""
import contextlib
import os
import signal
import sys
import time
import unicodedata

import stage

CLEAR = '\r\x1b[K'


# With job control: pglock is not the leader of the session, with which all of it would end.
UNDER_A_SHELL = ('bash', '-mc', '"$0" "$@"; echo "ended $?"')


class AWait(stage.Test):
    def setUp(self):
        super().setUp()
        self.holder = self.session('nightly backup')
        self.holder.ask('select pg_advisory_lock(' + stage.key_of('name') + ')')

    def terminal(self, *arguments, **options):
        terminal = stage.Terminal(*arguments, server=self.server, **options)
        self.addCleanup(terminal.end)
        return terminal

    def test_on_a_terminal_shows_who_holds_the_lock_for_how_long_and_how_long_it_has_waited(self):
        terminal = self.terminal('name', '--', 'echo', 'mine')
        terminal.shows(rf'waiting \d\.\d s for "name", held by pid {self.holder.pid} for at most \d+(\.\d)? s '
                       r'\(postgres@local "nightly backup"\)')
        terminal.shows(r'waiting 2\.\d s')  # refreshed
        self.holder.end()
        self.assertEqual(terminal.result(), 0)
        self.assertTrue(terminal.shown.endswith(CLEAR + 'mine\r\n'), terminal.shown)
        for line in terminal.shown.split(CLEAR)[1:-1]:
            self.assertRegex(line, r'\A(waiting [^\r\n]+)?\Z')  # in place

    def test_on_a_terminal_names_one_holder_of_several(self):
        self.holder.ask('select pg_advisory_unlock_all()')
        self.holder.ask('select pg_advisory_lock_shared(' + stage.key_of('name') + ')')
        another = self.session('another')
        another.ask('select pg_advisory_lock_shared(' + stage.key_of('name') + ')')
        terminal = self.terminal('name', '--', 'true')
        terminal.shows(r'held by pid \d+ [^\r]+ and 1 more')
        another.end()
        self.holder.end()
        self.assertEqual(terminal.result(), 0)

    def test_stays_on_one_line_of_a_narrow_terminal(self):
        terminal = self.terminal('name', '--', 'true', columns=40)
        terminal.shows(r'waiting 1\.\d s')
        self.holder.end()
        self.assertEqual(terminal.result(), 0)
        lines = terminal.shown.split(CLEAR)[1:-1]
        self.assertEqual({len(line) for line in lines if line}, {39}, lines)

    def test_stays_on_one_line_with_wide_characters(self):
        name = '漢字' * 10
        self.holder.ask('select pg_advisory_lock(' + stage.key_of(name) + ')')
        terminal = self.terminal(name, '--', 'true', columns=40)
        terminal.shows(r'waiting 1\.\d s')
        self.holder.end()
        self.assertEqual(terminal.result(), 0)
        for line in filter(None, terminal.shown.split(CLEAR)[1:-1]):
            columns = sum(2 if unicodedata.east_asian_width(c) == 'W' else 1 for c in line)
            self.assertIn(columns, (38, 39), line)

    def test_shows_nothing_that_a_terminal_would_obey(self):
        terminal = self.terminal('--hash', 'sha256', 'a\x1b[2Jb', '--', 'true')
        self.assertEqual(terminal.result(), 0)
        self.holder.ask('select pg_advisory_lock(' + stage.key_of('a\x1b[2Jb') + ')')
        terminal = self.terminal('a\x1b[2Jb', '--', 'true')
        terminal.shows(r'for "a\?\[2Jb"')
        self.holder.end()
        self.assertEqual(terminal.result(), 0)
        self.assertNotIn('\x1b[2J', terminal.shown)

    def test_on_a_terminal_leaves_the_output_to_the_command(self):
        output = self.directory / 'output'
        terminal = self.terminal('name', '--', 'echo', 'mine', output=output)
        terminal.shows('held by')
        self.holder.end()
        self.assertEqual(terminal.result(), 0)
        self.assertEqual(output.read_text(), 'mine\n')

    def test_ends_by_ctrl_c_and_cleans_the_line(self):
        terminal = self.terminal('name', '--', 'echo', 'never')
        terminal.shows('held by')
        terminal.type('\x03')
        self.assertEqual(terminal.result(), -signal.SIGINT)
        self.assertNotIn('never', terminal.shown)
        self.assertIn(CLEAR, terminal.shown[-6:])
        self.waits(0)

    def ends_at_once_when_the_display_gets_no_answer(self, end, status):
        terminal = self.terminal('name', '--', 'echo', 'mine')
        terminal.shows('held by')
        question = "select pid from pg_stat_activity where application_name = 'pglock name' and state = 'idle'"
        displays = stage.eventually(lambda: self.server.ask(question).split(), 5)
        self.assertEqual(len(displays), 1)
        os.kill(int(displays[0]), signal.SIGSTOP)
        try:
            time.sleep(1.2)  # so long that it has asked
            end(terminal)
            self.assertTrue(stage.eventually(lambda: stage.state(terminal.process) == 'Z', 5))
        finally:
            os.kill(int(displays[0]), signal.SIGCONT)
        self.assertEqual(terminal.result(), status)

    def test_has_its_command_run_at_once_also_when_the_display_gets_no_answer(self):
        self.ends_at_once_when_the_display_gets_no_answer(lambda terminal: self.holder.end(), 0)

    def test_ends_by_ctrl_c_at_once_also_when_the_display_gets_no_answer(self):
        self.ends_at_once_when_the_display_gets_no_answer(lambda terminal: terminal.type('\x03'), -signal.SIGINT)

    def test_of_a_killed_pglock_on_a_terminal_leaves_no_display(self):
        terminal = self.terminal('name', '--', 'true')
        terminal.shows('held by')
        os.kill(terminal.process, signal.SIGKILL)
        self.assertTrue(stage.eventually(lambda: self.server.backends() == []))

    def test_in_a_pipe_is_silent(self):
        run = self.start('name', '--', 'echo', 'mine')
        self.waits()
        time.sleep(1)  # longer than it takes a terminal to show something
        self.holder.end()
        self.assertEqual(run.result(), (0, 'mine\n', ''))

    def test_in_a_pipe_tells_what_it_does_when_asked(self):
        run = self.start('-v', 'name', '--', 'echo', 'mine')
        self.assertRegex(run.process.stderr.readline(),
                         rf'pglock: waits for lock "name" \(key -?\d+\), held by pid {self.holder.pid} .*')
        self.holder.end()
        status, output, messages = run.result()
        self.assertEqual((status, output), (0, 'mine\n'))
        self.assertRegex(messages, r'pglock: holds lock "name" \(key -?\d+\) after [^\n]+\npglock: runs echo\n')

    def test_shows_nothing_when_there_is_none(self):
        terminal = self.terminal('other', '--', 'echo', 'mine')
        self.assertEqual(terminal.result(), 0)
        self.assertEqual(terminal.shown, 'mine\r\n')
        self.holder.end()


class ACommandOnATerminal(stage.Test):
    def test_hears_ctrl_c_once(self):
        terminal = stage.Terminal('name', '--', 'sh', '-c', 'trap "echo heard" INT; echo up; read line; read line',
                                  server=self.server)
        self.addCleanup(terminal.end)
        terminal.shows('up')
        terminal.type('\x03')
        terminal.shows('heard')
        terminal.type('one\ntwo\nthree\n')
        self.assertEqual(terminal.result(), 0)
        self.assertEqual(terminal.shown.count('heard'), 1)

    def test_reads_the_terminal(self):
        terminal = stage.Terminal('name', '--', 'sh', '-c', 'read line; echo "read: $line"', server=self.server)
        self.addCleanup(terminal.end)
        terminal.type('hello\n')
        terminal.shows('read: hello')
        self.assertEqual(terminal.result(), 0)

    def test_is_ended_by_what_ends_pglock(self):
        terminal = stage.Terminal('name', '--', 'sh', '-c', 'trap "echo heard; exit 4" TERM; echo up; read line',
                                  server=self.server)
        self.addCleanup(terminal.end)
        terminal.shows('up')
        os.kill(terminal.process, signal.SIGTERM)
        self.assertEqual(terminal.result(), 4)
        self.assertIn('heard', terminal.shown)

    def test_is_stopped_by_ctrl_z_with_pglock_and_goes_on(self):
        terminal = stage.Terminal('name', '--', 'sh', '-c', 'echo "up $$ $PPID"; read line; echo "read: $line"; exit 3',
                                  server=self.server, prefix=('bash', '-mc', '"$0" "$@"; echo "stopped $?"; fg'))
        self.addCleanup(terminal.end)
        processes = terminal.shows(r'up (\d+) (\d+)').groups()
        terminal.type('\x1a')
        terminal.shows('stopped 148')
        self.holds()
        terminal.type('hello\n')
        terminal.shows('read: hello')
        self.assertEqual(terminal.result(), 3)
        self.assertEqual([stage.state(process) for process in processes], [None, None])

    def test_is_ended_when_the_lock_is_lost(self):
        terminal = stage.Terminal('name', '--', 'sh', '-c', 'trap "echo heard; exit 4" TERM; echo up; read line',
                                  server=self.server)
        self.addCleanup(terminal.end)
        terminal.shows('up')
        self.server.terminate_holders()
        self.assertEqual(terminal.result(), 76)
        self.assertIn('is lost', terminal.shown)
        self.assertIn('heard', terminal.shown)

    def test_is_ended_with_what_it_has_started_when_the_lock_is_lost(self):
        for started in ('sleep 60', "sh -c 'trap \"\" TERM; while :; do sleep 0.02; done'"):
            terminal = stage.Terminal('--grace', '0.5', 'name', '-c', f'{started} & echo "up $!"; wait; echo on',
                                      server=self.server, prefix=UNDER_A_SHELL)
            self.addCleanup(terminal.end)
            left = int(terminal.shows(r'up (\d+)').group(1))
            self.server.terminate_holders()
            terminal.shows('ended 76')
            self.assertIsNone(stage.state(left), started)

    def test_is_ended_without_the_programs_that_its_output_goes_to(self):
        with_reader = """bash -c 'exec "$0" "$@" > >(cat; echo all of it)' "$0" "$@"; echo "ended $?"; read line"""
        terminal = stage.Terminal('name', '-c', 'echo "up $$"; sleep 60 & wait', server=self.server,
                                  prefix=('bash', '-mc', with_reader))
        self.addCleanup(terminal.end)
        terminal.shows('up')
        self.server.terminate_holders()
        terminal.shows('all of it')
        terminal.shows('ended 76')
        terminal.type('\n')
        self.assertEqual(terminal.result(), 0)

    def test_passes_signals_on_to_what_it_has_left_when_the_lock_is_lost(self):
        stays = 'trap "" TERM; trap "echo heard; exit" USR1; echo "up $PPID"; while :; do sleep 0.02; done'
        terminal = stage.Terminal('--grace', stage.DEADLINE, 'name', '-c', f'({stays}) & wait', server=self.server,
                                  prefix=UNDER_A_SHELL)
        self.addCleanup(terminal.end)
        pglock = int(terminal.shows(r'up (\d+)').group(1))
        self.server.terminate_holders()
        terminal.shows('is lost')

        def is_heard():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pglock, signal.SIGUSR1)  # until the command has ended it gets them
            terminal.read()
            return 'heard' in terminal.shown
        self.assertTrue(stage.eventually(is_heard), terminal.shown)
        terminal.shows('ended 76')

    def test_ends_with_the_terminal(self):
        terminal = stage.Terminal('name', '--', 'sh', '-c', 'echo "up $$"; exec sleep 60', server=self.server)
        command = int(terminal.shows(r'up (\d+)').group(1))
        os.close(terminal.master)  # a connection of ssh that breaks
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(terminal.process, 0)[1]), -signal.SIGHUP)
        self.assertFalse(os.path.exists(f'/proc/{command}/exe'))

    def test_does_not_outlive_a_killed_pglock(self):
        terminal = stage.Terminal('name', '--', 'sh', '-c', 'echo "up $$"; read line', server=self.server)
        self.addCleanup(terminal.end)
        command = int(terminal.shows(r'up (\d+)').group(1))
        os.kill(terminal.process, signal.SIGKILL)
        self.assertTrue(stage.eventually(lambda: not os.path.exists(f'/proc/{command}/exe')))


if __name__ == '__main__':
    sys.exit(stage.main())
