#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of the gate: what has grown beyond its limit must not pass, nor a figure that nobody has limited."""
import unittest

from instantiations import problems

LIMITS = {'umbrella': {'limit': 100, 'reason': 'the headers'}}


class Gate(unittest.TestCase):
    def test_passes_a_figure_at_its_limit(self):
        self.assertEqual(list(problems({'umbrella': 100}, LIMITS)), [])

    def test_names_the_figure_the_limit_and_its_reason(self):
        [problem] = problems({'umbrella': 101}, LIMITS)
        for part in ('umbrella: 101 ', '100 at most', 'the headers', 'instantiations.py show', 'limits.json'):
            self.assertIn(part, problem)

    def test_misses_a_limit(self):
        self.assertEqual(list(problems({'umbrella': 1, 'other': 1}, LIMITS)), ['other has no limit'])

    def test_misses_a_figure(self):
        self.assertEqual(list(problems({}, LIMITS)), ['umbrella has a limit, and is not measured'])


if __name__ == '__main__':
    unittest.main()
