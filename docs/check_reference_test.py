#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of check_reference.py on small headers: it finds what is not documented, and asks no words where none are due."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
import check_reference  # noqa: E402

SETTINGS = '''
INPUT = header.hpp
QUIET = YES
WARN_IF_UNDOCUMENTED = NO
JAVADOC_AUTOBRIEF = YES
GENERATE_LATEX = NO
GENERATE_HTML = NO
GENERATE_XML = YES
EXCLUDE_SYMBOLS = *detail*
'''


class CheckReference(unittest.TestCase):
    def problems(self, header):
        with tempfile.TemporaryDirectory() as name:
            (pathlib.Path(name) / 'header.hpp').write_text(f'namespace pglocks {{\n{header}\n}}\n', encoding='utf-8')
            subprocess.run(['doxygen', '-'], input=SETTINGS, text=True, cwd=name, check=True)
            return check_reference.problems_of(pathlib.Path(name) / 'xml')[1]

    def assert_one_problem(self, header, words):
        problems = self.problems(header)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(words, problems[0])

    def test_what_is_not_documented_is_found(self):
        self.assert_one_problem('void f();', 'pglocks::f is not')
        self.assert_one_problem('using a = int;', 'pglocks::a is not')
        self.assert_one_problem('class c {};', 'pglocks::c is not')
        self.assert_one_problem('inline constexpr int v = 0;', 'pglocks::v is not')
        self.assert_one_problem('template <class T> concept c = true;', 'pglocks::c is not')
        self.assert_one_problem('/// An enumeration.\nenum class e { one, ///< 1\n two };', 'pglocks::e::two is not')
        self.assert_one_problem('/// A class.\nclass c { public: void f(); };', 'pglocks::c::f is not')
        self.assert_one_problem('/// A class.\nstruct c { int m; };', 'pglocks::c::m is not')
        self.assert_one_problem('/// A class.\ntemplate <class T> struct c {};\ntemplate <> struct c<int> {};',
                                'pglocks::c< int > is not')
        self.assert_one_problem('/// A function.\nvoid f();\nvoid f(int);', 'pglocks::f is not')

    def test_what_is_documented_is_right(self):
        self.assertEqual(self.problems('/// A class.\nclass c { public: int m = 0; ///< a member\n'
                                       '/// Does it.\n void f(); };'), [])

    def test_a_comment_that_is_no_sentence_is_found(self):
        self.assert_one_problem('/// does it\nvoid f();', 'begin with a sentence')

    def test_what_nobody_outside_sees_needs_no_words(self):
        self.assertEqual(self.problems('namespace detail { void f(); }'), [])
        self.assertEqual(self.problems('/// A class.\nclass c { void f(); protected: void g(); int m; };'), [])

    def test_what_is_deleted_or_the_standards_needs_no_words(self):
        self.assertEqual(self.problems('/// A class.\nclass c { public: c() = default; c(const c&) = delete; ~c();\n'
                                       'void swap(c&); bool operator==(const c&) const; };'), [])

    def test_what_a_policy_has_for_its_axis_needs_no_words(self):
        self.assertEqual(self.problems('/// A hash.\nstruct h { using axis = int; static int key_of(int); };'), [])
        self.assert_one_problem('/// A hash.\nstruct h { using axis = int; static int other(int); };', 'other is not')
        self.assert_one_problem('/// No policy.\nstruct h { static int key_of(int); };', 'key_of is not')


if __name__ == '__main__':
    unittest.main()
