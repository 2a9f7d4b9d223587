#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Signals to pglock, and what is left of the command when it is killed: see stage.py."""
import signal
import sys

import stage

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class ASignal(stage.Test):
    def script(self, body):
        """A command that says that it runs, in `up`."""
        return ('sh', '-c', f'{body}; touch {self.directory}/up; while :; do sleep 0.02; done')

    def up(self):
        self.appears(self.directory / 'up')

    def test_is_passed_on_to_the_command(self):
        for number in PASSED_ON:
            with self.subTest(signal=number.name):
                (self.directory / 'up').unlink(missing_ok=True)
                run = self.start('name', '--', *self.script(f'trap "echo {number.name}; exit 7" {number.name[3:]}'))
                self.up()
                run.process.send_signal(number)
                self.assertEqual(run.result()[:2], (7, f'{number.name}\n'))

    def test_that_ends_the_command_ends_pglock(self):
        for number in PASSED_ON:
            with self.subTest(signal=number.name):
                (self.directory / 'up').unlink(missing_ok=True)
                run = self.start('name', '--', *self.script('true'))
                self.up()
                run.process.send_signal(number)
                self.assertEqual(run.result()[0], -number)
                self.assertEqual(run.processes(), [])

    def test_reaches_what_the_command_has_started(self):
        run = self.start('name', '-c', f'sleep {stage.DEADLINE} & touch {self.directory}/up; wait; exit 3')
        self.up()
        run.process.terminate()
        self.assertEqual(run.result()[0], -signal.SIGTERM)
        self.assertTrue(stage.eventually(lambda: run.processes() == []), run.processes())

    def test_that_the_command_outlives_keeps_the_lock(self):
        run = self.start('name', '--', *self.script('trap "echo heard" TERM'))
        self.up()
        run.process.terminate()
        self.assertEqual(run.process.stdout.readline(), 'heard\n')
        self.assertEqual(self.server.holders(), 1)
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.result()[0], -signal.SIGINT)

    def test_that_stops_and_continues_does_so_with_the_command(self):
        run = self.start('name', '--', 'sh', '-c', f'echo $$ >{self.directory}/new; mv {self.directory}/new '
                         f'{self.directory}/up; exec sleep {stage.DEADLINE}')  # no vfork, in which a shell cannot stop
        self.up()
        command = int((self.directory / 'up').read_text())
        run.process.send_signal(signal.SIGTSTP)
        self.assertTrue(stage.eventually(lambda: stage.state(command) == 'T' and stage.state(run.process.pid) == 'T'))
        self.assertEqual(self.server.holders(), 1)
        run.process.send_signal(signal.SIGCONT)
        self.assertTrue(stage.eventually(lambda: stage.state(command) in 'RS' and stage.state(run.process.pid) in 'RS'))
        run.process.terminate()
        self.assertEqual(run.result()[0], -signal.SIGTERM)


class AWait(stage.Test):
    def test_is_ended_by_a_signal_and_leaves_the_queue(self):
        holder = self.session()
        holder.ask('select pg_advisory_lock(' + stage.key_of('name') + ')')
        for number in PASSED_ON:
            for bound in ((), ('-w', stage.DEADLINE)):
                with self.subTest(signal=number.name, bound=bound):
                    run = self.start(*bound, 'name', '--', 'touch', self.directory / 'ran')
                    self.waits()
                    run.process.send_signal(number)
                    self.assertEqual(run.result(), (-number, '', ''))
                    self.waits(0)
        self.assertFalse((self.directory / 'ran').exists())
        self.assertEqual(self.server.holders(), 1)
        holder.end()


class AKilledPglock(stage.Test):
    def test_leaves_neither_a_lock_nor_a_process(self):
        for command in (('sleep', stage.DEADLINE), ('sh', '-c', f'sleep {stage.DEADLINE}; true'),
                        ('sh', '-c', f'trap "" TERM INT HUP; sleep {stage.DEADLINE} & wait')):
            with self.subTest(command=command):
                run = self.start('name', '--', *command)
                self.holds()
                self.assertTrue(stage.eventually(lambda: len(run.processes()) >= 3), run.processes())
                run.process.kill()
                run.process.wait()
                self.assertTrue(stage.eventually(lambda: run.processes() == [], 5), run.processes())
                self.assertTrue(stage.eventually(lambda: self.server.holders() == 0, 5))

    def test_while_it_waits_leaves_the_queue(self):
        holder = self.session()
        holder.ask('select pg_advisory_lock(' + stage.key_of('name') + ')')
        run = self.start('name', '--', 'true')
        self.waits()
        run.process.kill()
        self.waits(0)  # once the server has looked for its client
        holder.end()


class TheEnd(stage.Test):
    def test_leaves_what_the_command_has_left_in_the_background(self):
        run = self.start('name', '-c', f'sleep {stage.DEADLINE} >/dev/null 2>&1 &')
        self.assertEqual(run.result()[0], 0)
        self.assertEqual(len(run.processes()), 1)

    def test_leaves_no_guard(self):
        run = self.start('name', '--', 'true')
        self.assertEqual(run.result()[0], 0)
        self.assertEqual(run.processes(), [])


if __name__ == '__main__':
    sys.exit(stage.main())
