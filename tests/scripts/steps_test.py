#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of the steps of the scripts: a long one shows what it is doing."""
import os
import pathlib
import pty
import re
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).resolve().parents[1] / 'support' / 'setup.sh'
# Counts as ninja does, and goes on when it may.
COMMAND = """timeout 30 bash -c 'echo "[3/14] Compiling one.cpp"; until [ -e "$0" ]; do sleep 0.02; done; exit 5' """


class Step(unittest.TestCase):
    seconds_between_lines = 1

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.go = self.directory / 'go'

    def start(self, step, output, **variables):
        script = f'. "{SETUP}"; private={self.directory}; seconds_between_lines={self.seconds_between_lines}; {step}'
        process = subprocess.Popen(['bash', '-uc', script], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, env={**os.environ, **variables})
        self.addCleanup(lambda: (self.go.touch(), process.communicate()))
        return process

    def shown(self, step, until, output, ours=None, **variables):
        """What a step shows that may go on when it has shown the text `until`."""
        process = self.start(step, output, **variables)
        if ours is None:
            ours = process.stdout.fileno()
        else:
            os.close(output)
        text = b''
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # the end of a terminal
                break
            if not read:
                break
            text += read
            if until in text.decode():
                self.go.touch()
        self.assertEqual(process.wait(), 5)
        return text.decode().replace('\r\n', '\n')

    def on_a_terminal(self, step, until, **variables):
        ours, output = pty.openpty()
        self.addCleanup(os.close, ours)
        return self.shown(step, until, output, ours, **variables)

    def test_in_a_terminal_counts_on_its_line(self):
        text = self.on_a_terminal(f'watched "building" {COMMAND} {self.go}', '[3/14]', TERM='xterm')
        line = r'  building \.\.\. '
        back = re.escape('\r\033[K')
        self.assertRegex(text, rf'\A{line}({back}{line}(\[3/14\] )?\d+ s )+{back}{line}\Z')

    def test_in_a_pipe_counts_on_lines_of_their_own(self):
        text = self.shown(f'timed "building" {COMMAND} {self.go}', '[3/14]', subprocess.PIPE)
        self.assertRegex(text, r'\A  building \.\.\. \n(    (\[3/14\] )?after \d+ s\n)+'
                               r'  building \.\.\. FAILED after \d+\.\d s, exit status 5\n')

    def test_on_a_terminal_that_cannot_go_back_or_where_a_password_may_be_asked_for_does_not_write_over_it(self):
        for step, variables in (('', {'TERM': 'dumb'}), ('progress_in_place=no;', {'TERM': 'xterm'})):
            self.go.unlink(missing_ok=True)
            text = self.on_a_terminal(f'{step} timed "building" {COMMAND} {self.go}', '[3/14] after', **variables)
            self.assertRegex(text, r'\A  building \.\.\. \n(    (\[3/14\] )?after \d+ s\n)+  building \.\.\. FAILED')
            self.assertNotIn('\033', text)

    def test_that_is_short_is_one_line(self):
        self.seconds_between_lines = 60
        self.go.touch()
        text = self.shown(f'watched "looking" {COMMAND} {self.go}', 'never', subprocess.PIPE)
        self.assertEqual(text, '  looking ... ')


if __name__ == '__main__':
    unittest.main(verbosity=2)
