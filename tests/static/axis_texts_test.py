#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What people read of an axis names its built-in policies, which no compiler can put there: the list of when to use
each, and the sentence that says that the axis is given twice.

    axis_texts_test.py ROOT [OPTION_OF_UNITTEST...]
"""
import pathlib
import re
import sys
import unittest

LIST = re.compile(r'using built_in =\s*type_list<(.*?)>;', re.DOTALL)
WHEN = re.compile(r'namespace axis \{\n(?:/// .*\n|///\n)*')
SENTENCE = re.compile(r'"pglocks: more than one (\w+) policy: keep one of ((?:[^"]|"\s*")*)"')


def policies_in(text):
    """The policies that stand in a list or in a sentence, without their arguments."""
    return re.findall(r'\w+::\w+', re.sub(r'"\s*"', '', text))


class WhatIsSaidOfAnAxis(unittest.TestCase):
    def test_names_every_built_in_policy_in_the_order_of_the_list(self):
        axes = []
        for header in sorted((root / 'include/pglocks/policy').glob('*.hpp')):
            text = header.read_text(encoding='utf-8')
            if found := LIST.search(text):
                sentence = SENTENCE.search(text)
                self.assertIsNotNone(sentence, header)
                self.assertEqual(policies_in(sentence[2]), policies_in(found[1]), header)
                self.assertEqual(policies_in(WHEN.search(text)[0]), policies_in(found[1]), header)
                axes.append(sentence[1])
        declared = re.search(r'using axes = type_list<(.*?)>;', (root / 'include/pglocks/policy.hpp').read_text())
        self.assertEqual(axes, sorted(re.findall(r'axis::(\w+)', declared[1])))


if __name__ == '__main__':
    root = pathlib.Path(sys.argv.pop(1))
    unittest.main()
