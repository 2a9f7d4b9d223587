#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Scripts written for flock, and Django processes, all of which want the same thing at once: see stage.py."""
import subprocess
import sys

import stage

PEER = stage.REPOSITORY / 'tests/support/django_peer.py'
NAME = 'counter'
TIMES = 5


class Peer:
    """A Django process that counts under django_pglocks' lock."""

    def __init__(self, server):
        self.process = subprocess.Popen([python_with_django(), PEER, server.conninfo()], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=stage.clean_environment())

    def tell(self, command, answer):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        while (line := self.process.stdout.readline().strip()) == 'waiting':
            pass
        if line != answer:
            raise AssertionError(f'{command}: {line}, not {answer}')

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=stage.DEADLINE)
        self.process.stdout.close()


def python_with_django():
    for python in ('/usr/bin/python3', 'python3'):
        tried = subprocess.run([python, '-c', 'import django, django_pglocks, psycopg2'], capture_output=True)
        if tried.returncode == 0:
            return python
    raise RuntimeError('no python3 has django_pglocks: apt-get install python3-django-pglocks')


class ACrowd(stage.Test):
    def test_is_never_two_at_once(self):
        counter = self.directory / 'counter'
        inside = self.directory / 'inside'
        counter.write_text('0\n')
        # What is not atomic, and a directory that can be made only if nobody else is inside.
        step = f'mkdir {inside} && n=$(cat {counter}) && sleep 0.01 && echo $((n + 1)) >{counter} && rmdir {inside}'
        lock = f'{stage.program} --hash django-pglocks'
        scripts = (
            f'for i in 1 2 3 4 5; do {lock} {NAME} -c "$STEP" || exit; done',
            f'for i in 1 2 3 4 5; do {lock} -x -w 50 {NAME} sh -c "$STEP" || exit; done',
            f'for i in 1 2 3 4 5; do until {lock} -n -E 9 {NAME} -- sh -c "$STEP"; do [ $? = 9 ] || exit; sleep 0.01; '
            'done; done',
        )
        environment = stage.clean_environment(**self.server.variables(), STEP=step, SHELL='/bin/sh')
        crowd = [subprocess.Popen(['sh', '-c', script], env=environment, stderr=subprocess.PIPE, text=True)
                 for script in scripts for _ in range(2)]
        peer = Peer(self.server)
        self.addCleanup(peer.end)
        for _ in range(TIMES):
            peer.tell(f'lock {NAME}', 'held')
            subprocess.run(['sh', '-c', step], check=True)
            peer.tell('unlock', 'released')
        for member in crowd:
            messages = member.communicate(timeout=2 * stage.DEADLINE)[1]
            self.assertEqual((member.returncode, messages), (0, ''))
        self.assertEqual(counter.read_text(), f'{(len(crowd) + 1) * TIMES}\n')

    def test_sees_each_other_in_both_modes(self):
        peer = Peer(self.server)
        self.addCleanup(peer.end)
        ask = ('--hash', 'django-pglocks', '-n', NAME, '--', 'true')
        peer.tell(f'lock {NAME} shared', 'held')
        self.assertEqual(self.run_to_end(*ask)[0], 1)
        self.assertEqual(self.run_to_end('-s', *ask)[0], 0)
        peer.tell('unlock', 'released')
        run = self.start('--hash', 'django-pglocks', NAME, '--', 'sleep', stage.DEADLINE)
        self.holds()
        peer.tell(f'lock {NAME} nowait', 'refused')
        run.process.terminate()
        run.result()
        peer.tell(f'lock {NAME} nowait', 'held')
        peer.tell('unlock', 'released')


if __name__ == '__main__':
    sys.exit(stage.main())
