#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What becomes of the command when the lock is lost: see stage.py."""
import os
import signal
import sys
import time

import stage

LOST = 76


class TheLoss(stage.Test):
    def loses(self, *arguments, command, within):
        """The status and the messages of a run whose backend is terminated when it is up, and how long it took."""
        run = self.start(*arguments, 'name', '-c', command)
        self.appears(self.directory / 'up')
        self.assertEqual(self.server.terminate_holders(), 't')
        begin = time.monotonic()
        status, output, messages = run.result()
        took = time.monotonic() - begin
        self.assertLess(took, within, messages)
        self.assertEqual(run.processes(), [])
        return status, output, messages, took

    def test_ends_the_command_within_a_second(self):
        status, _, messages, _ = self.loses(command=f'touch {self.directory}/up; exec sleep {stage.DEADLINE}', within=1)
        self.assertEqual(status, LOST)
        self.assertIn('lock "name" (key ', messages)
        self.assertIn('is lost', messages)
        self.assertTrue(stage.one_line(messages), messages)

    def test_ends_what_the_command_has_started(self):
        status, *_ = self.loses(command=f'touch {self.directory}/up; sleep {stage.DEADLINE}; true', within=1)
        self.assertEqual(status, LOST)

    def test_lets_the_command_clean_up(self):
        command = f'trap "echo cleaned; exit 0" TERM; touch {self.directory}/up; while :; do sleep 0.02; done'
        self.assertEqual(self.loses(command=command, within=1)[:2], (LOST, 'cleaned\n'))

    def test_ends_what_does_not_want_to_after_the_grace_period(self):
        command = f'trap "" TERM; touch {self.directory}/up; while :; do sleep 0.02; done'
        status, _, _, took = self.loses('--grace', '0.5', command=command, within=2)
        self.assertEqual(status, LOST)
        self.assertGreaterEqual(took, 0.3)

    def test_ends_what_is_left_of_the_group_after_the_grace_period(self):
        command = (f"sh -c 'trap \"\" TERM; touch {self.directory}/up; while :; do sleep 0.02; done' & "
                   'trap "exit 0" TERM; wait')
        status, _, _, took = self.loses('--grace', '0.5', command=command, within=2)
        self.assertEqual(status, LOST)
        self.assertGreaterEqual(took, 0.3)

    def test_ends_a_command_that_is_stopped(self):
        command = f'touch {self.directory}/up; kill -STOP $$; echo never'
        self.assertEqual(self.loses(command=command, within=1)[:2], (LOST, ''))

    def test_may_be_ignored(self):
        command = (f'touch {self.directory}/up; while ! [ -e {self.directory}/go ]; do sleep 0.02; done; '
                   'echo done; exit 5')
        run = self.start('--on-loss', 'ignore', 'name', '-c', command)
        self.appears(self.directory / 'up')
        self.server.terminate_holders()
        self.assertIn('runs on without it', run.process.stderr.readline())
        (self.directory / 'go').touch()
        self.assertEqual(run.result(), (5, 'done\n', ''))

    def test_passes_a_second_signal_on_during_the_grace_period(self):
        command = (f'trap "echo term" TERM; trap "echo int; exit 1" INT; touch {self.directory}/up; '
                   'while :; do sleep 0.02; done')
        run = self.start('--grace', stage.DEADLINE, 'name', '-c', command)
        self.appears(self.directory / 'up')
        self.server.terminate_holders()
        self.assertEqual(run.process.stdout.readline(), 'term\n')
        run.process.send_signal(signal.SIGINT)
        status, output, _ = run.result()
        self.assertEqual((status, output), (LOST, 'int\n'))

    def test_is_noticed_when_the_server_stands_still(self):
        run = self.start('name', '-c', f'touch {self.directory}/up; exec sleep {stage.DEADLINE}')
        self.appears(self.directory / 'up')
        backend = int(self.server.ask("select pid from pg_locks where locktype = 'advisory'"))
        os.kill(backend, signal.SIGSTOP)
        try:
            self.assertEqual(run.result(within=25)[0], LOST)
        finally:
            os.kill(backend, signal.SIGCONT)

    def test_is_none_when_pglock_has_slept_for_long(self):
        run = self.start('name', '-c', f'touch {self.directory}/up; '
                         f'while ! [ -e {self.directory}/go ]; do sleep 0.02; done')
        self.appears(self.directory / 'up')
        run.process.send_signal(signal.SIGSTOP)
        time.sleep(12)  # longer than a heartbeat may take: a laptop that was closed
        run.process.send_signal(signal.SIGCONT)
        time.sleep(1.5)
        (self.directory / 'go').touch()
        self.assertEqual(run.result()[0], 0)


class AServer(stage.Test):
    def test_that_restarts_ends_the_command(self):
        server = stage.Server()
        try:
            run = self.start('name', '-c', f'touch {self.directory}/up; exec sleep {stage.DEADLINE}', server=server)
            self.appears(self.directory / 'up')
            server.process.send_signal(signal.SIGQUIT)
            self.assertEqual(run.result(within=5)[0], LOST)
        finally:
            server.stop()

    def test_that_ends_while_pglock_waits_is_69(self):
        server = stage.Server()
        try:
            holder = stage.Session(server)
            holder.ask('select pg_advisory_lock(' + stage.key_of('name') + ')')
            run = self.start('name', '--', 'true', server=server)
            self.assertTrue(stage.eventually(lambda: server.waiters() == 1))
            server.process.send_signal(signal.SIGINT)
            status, output, messages = run.result()
            self.assertEqual((status, output), (69, ''), messages)
            self.assertTrue(stage.one_line(messages), messages)
            holder.process.kill()
            holder.process.wait()
            holder.process.stdin.close()
            holder.process.stdout.close()
        finally:
            server.stop()


if __name__ == '__main__':
    sys.exit(stage.main())
