#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of the harness: a case that does not prove what it says must not pass."""
import pathlib
import re
import subprocess
import unittest
import unittest.mock

import compile_errors
import compile_fail

LIBRARY = pathlib.Path('/library')
SOURCE = pathlib.Path('/cases/case.cpp')
CODE = '#ifdef PGLOCKS_MUST_FAIL\n#endif\n'
SET = compile_fail.read_case('// ERROR: pglocks: two modes:\n// keep one\n' + CODE)
OPERATION = compile_fail.read_case('// ERROR: deleted\n// SENTENCE: pglocks: drop it\n// NOTE: some_rule\n' + CODE)

REFUSED_SET = '''In file included from /cases/case.cpp:1:
/library/mode.hpp:73:29: error: static assertion failed: pglocks: two modes: keep one
   73 |         static_assert(at_most_one<P...>,
/library/mode.hpp:73:29: note: because it is not so
'''
REFUSED_OPERATION = '''/cases/case.cpp:5:14: error: call to deleted member function 'unlock'
    lock.unlock();
    ~~~~~^~~~~~
/library/lock.hpp:20:10: note: candidate function has been explicitly deleted
    void unlock() requires (!some_rule<Set>) = delete; // pglocks: drop it
         ^
1 error generated.
'''


def failure(stderr, case, status=1):
    """The problems of a compilation that ended with this status and these messages."""
    run = subprocess.CompletedProcess([], status, '', stderr)
    return list(compile_fail.problems_of_failure(run, case, SOURCE, LIBRARY))
REFUSED_INSTANTIATION = '''In file included from /cases/case.cpp:1:
/library/set.hpp: In instantiation of 'struct some_rule<'a', 'b'>':
/cases/case.cpp:5:1:   required from here
/library/set.hpp:37:9: error: static assertion failed: pglocks: two modes: keep one
   37 |         different<First, Second>,
'''


class ThePlainCases(unittest.TestCase):
    def test_a_refused_set_passes(self):
        self.assertEqual(failure(REFUSED_SET, SET), [])

    def test_a_refused_operation_passes(self):
        self.assertEqual(failure(REFUSED_OPERATION, OPERATION), [])

    def test_a_rule_that_gcc_names_on_its_way_passes(self):
        case = compile_fail.read_case("// ERROR: pglocks: two modes\n// NOTE: some_rule<'a', 'b'>\n" + CODE)
        self.assertEqual(failure(REFUSED_INSTANTIATION, case), [])

    def test_a_result_that_is_thrown_away_passes(self):
        case = compile_fail.read_case('// ERROR: pglocks: keep it\n' + CODE)
        for message in ("ignoring return value of 'T f()', declared with attribute 'nodiscard': 'pglocks: keep it'",
                        "ignoring return value of function declared with 'nodiscard' attribute: pglocks: keep it"):
            self.assertEqual(failure(f'/cases/case.cpp:5:1: error: {message} [-Werror]\n', case), [], message)

    def test_an_expectation_may_take_several_lines(self):
        self.assertEqual(SET.expected['ERROR'], ['pglocks: two modes: keep one'])


class TheHarnessFinds(unittest.TestCase):
    def test_a_failure_that_compiles(self):
        self.assertIn('it compiled', failure('', OPERATION, 0))

    def test_a_crash_of_the_compiler(self):
        for status, text in ((139, ''), (1, '/cases/case.cpp:5:1: internal compiler error: in x\n'),
                             (1, 'PLEASE submit a bug report\n')):
            self.assertTrue(any('broke down' in p for p in failure(REFUSED_SET + text, SET, status)), text)

    def test_a_second_error(self):
        self.assertTrue(failure(REFUSED_SET + '/cases/case.cpp:9:1: error: and another\n', SET))
        self.assertTrue(failure(REFUSED_SET + 'clang: error: without a place\n', SET))
        self.assertTrue(failure(REFUSED_SET + '/cases/case.cpp:9:1: fatal error: and another\n', SET))

    def test_a_fatal_error_alone(self):
        self.assertTrue(failure(REFUSED_SET.replace('error:', 'fatal error:'), SET))

    def test_another_reason(self):
        self.assertTrue(failure(REFUSED_SET.replace('two modes', 'two scopes'), SET))
        self.assertTrue(failure(REFUSED_OPERATION.replace('drop it', 'keep it'), OPERATION))
        self.assertTrue(failure(REFUSED_OPERATION.replace('some_rule', 'other_rule'), OPERATION))
        self.assertTrue(failure(REFUSED_OPERATION.replace('deleted member', 'private member'), OPERATION))

    def test_an_assertion_of_the_case_itself(self):
        self.assertTrue(failure(REFUSED_SET.replace('/library/', '/cases/'), SET))

    def test_an_assertion_of_the_case_itself_that_speaks_of_nodiscard(self):
        output = REFUSED_SET.replace('/library/', '/cases/')
        self.assertTrue(failure(output + '/library/lock.hpp:9:3: note: nodiscard\n', SET))
        self.assertTrue(failure(output.replace('keep one', 'keep one nodiscard'), SET))

    def test_a_sentence_that_only_the_case_shows(self):
        self.assertTrue(failure(REFUSED_OPERATION.replace('/library/lock.hpp', '/cases/case.cpp'), OPERATION))
        self.assertTrue(failure(REFUSED_OPERATION.replace('/library/', '/elsewhere/'), OPERATION))

    def test_a_rule_that_is_but_the_name_of_a_file(self):
        output = REFUSED_OPERATION.replace('some_rule', 'other_rule') + '''In file included from /library/some_rule.hpp:1,
                 from /library/some_rule.hpp:1:
/library/some_rule.hpp:1:1: note: declared here
'''
        self.assertTrue(failure(output, OPERATION))

    def test_a_sentence_that_is_cut_off(self):
        self.assertTrue(failure(REFUSED_OPERATION.replace('drop it', 'drop it, or not'), OPERATION))

    def test_a_control_that_fails_or_warns(self):
        for status, stderr in ((1, 'x.cpp:1:1: error: no\n'), (0, 'x.cpp:1:1: warning: hm\n')):
            run = subprocess.CompletedProcess([], status, '', stderr)
            self.assertTrue(list(compile_fail.problems_of_control(run)))

    def test_a_case_that_expects_nothing(self):
        self.assertTrue(list(compile_fail.problems_of_case(compile_fail.read_case(CODE))))

    def test_a_case_that_has_no_wrong_half(self):
        self.assertTrue(list(compile_fail.problems_of_case(compile_fail.read_case('// ERROR: deleted\n'))))

    def test_a_case_that_says_itself_what_it_expects(self):
        case = compile_fail.read_case('// ERROR: deleted\n' + CODE + 'struct deleted {};\n')
        self.assertTrue(list(compile_fail.problems_of_case(case)))

    def test_a_case_that_is_not_built(self):
        here = pathlib.Path(__file__).resolve().parent
        lists = re.findall(r"^  '(\w+)': \[\n(.*?)^  \],", (here / 'meson.build').read_text(), re.M | re.S)
        listed = {(folder, case) for folder, cases in lists for case in re.findall(r"'(\w+)'", cases)}
        self.assertEqual({(path.parent.name, path.stem) for path in here.glob('*/*.cpp')}, listed)
        self.assertTrue(listed)


class ThePage(unittest.TestCase):
    CASE = compile_fail.read_case('// ERROR: deleted\n// SENTENCE: pglocks: drop it\n// MEANING: It is\n// so.\n' + CODE)
    SAID = """case.cpp: error: call to deleted member function 'unlock'
pglocks/...: note: candidate function has been explicitly deleted
    void unlock() requires (!some_rule<Set>) = delete; // pglocks: drop it"""

    def page(self, name, said):
        return f'<!-- case: cases/case -->\n\n```cpp\n```\n\n```text\n{name}\n{said}\n\nother 1\n?\n```\n'

    def problems(self, page):
        with unittest.mock.patch('compile_fail.name_of', return_value='clang 19'):
            return list(compile_fail.problems_of_page(REFUSED_OPERATION, self.CASE, SOURCE, 'clang++-19', page))

    def test_a_meaning_may_take_several_lines_and_is_no_expectation(self):
        self.assertEqual(self.CASE.meaning, 'It is so.')
        self.assertEqual(list(compile_fail.problems_of_case(self.CASE)), [])

    def test_shows_the_error_and_the_line_with_the_sentence(self):
        self.assertEqual(compile_fail.said_by(REFUSED_OPERATION, 'pglocks: drop it'), self.SAID)
        self.assertEqual(self.problems(self.page('clang 19', self.SAID)), [])

    def test_leaves_out_what_changes_when_the_library_is_rearranged_and_never_the_sentence(self):
        output = ("/cases/case.cpp:5:1: error: ignoring return value of 'bool pglocks::detail::body<A, B>::f() requires "
                  "rule<A> [with A = int; B = char [2]]', declared with attribute 'nodiscard': 'pglocks: look' [-Werror]\n")
        self.assertEqual(compile_fail.said_by(output, 'pglocks: look'),
                         "case.cpp: error: ignoring return value of 'bool ...::f() [with ...]', declared with attribute "
                         "'nodiscard': 'pglocks: look' [-Werror]")

    def test_that_shows_something_else_is_found(self):
        self.assertTrue(self.problems(self.page('clang 19', self.SAID.replace('drop', 'keep'))))
        self.assertTrue(self.problems(''))

    def test_of_other_compilers_is_none_of_this_ones_business(self):
        self.assertEqual(self.problems(self.page('clang 18', '?')), [])

    def test_sentences_are_found_wherever_a_compiler_prints_them_from(self):
        header = """
    static_assert(rule<P...>, "pglocks: one (of "
                              "several): keep `it`");
    void f() = delete; // pglocks: drop it
    [[nodiscard("pglocks: look")]] bool g();
    throw error("pglocks: at run time"); static_assert(other<"pglocks: no">);
"""
        self.assertEqual(sorted(compile_errors.sentences_in(header)),
                         ['pglocks: drop it', 'pglocks: look', 'pglocks: one (of several): keep `it`'])

    def test_is_incomplete_without_a_case_that_explains_a_sentence(self):
        path = pathlib.Path('/cases/case.cpp')
        unexplained = compile_fail.read_case('// ERROR: pglocks: drop it\n' + CODE)
        sentences = {'pglocks: drop it': pathlib.Path('lock.hpp')}
        self.assertEqual(list(compile_errors.problems_of(sentences, {path: self.CASE})), [])
        self.assertTrue(list(compile_errors.problems_of(sentences, {})))
        self.assertTrue(list(compile_errors.problems_of(sentences, {path: unexplained})))
        self.assertTrue(list(compile_errors.problems_of(sentences, {path: self.CASE, path.parent: self.CASE})))
        self.assertTrue(list(compile_errors.problems_of({}, {path: unexplained})), 'it is no sentence of the library')

    def test_calls_sections_by_the_start_of_a_sentence(self):
        sentences = ['pglocks: two: drop a, or b', 'pglocks: two: drop c', 'pglocks: hash::none is one: keep x']
        self.assertEqual(list(compile_errors.headings_of(sentences).values()),
                         ['pglocks: two: drop a', 'pglocks: two: drop c', 'pglocks: hash::none is one'])

    def test_shows_each_half_of_a_case_without_the_other_one(self):
        case = compile_fail.read_case("""// ERROR: pglocks: drop it
#include <x>

namespace app {
struct good {};
struct bad {
    int i;
};
} // namespace app

void control() { app::good g; }

#ifdef PGLOCKS_MUST_FAIL
void wrong() {
    app::bad lock;
    lock.lock();
}
#endif
""")
        self.assertEqual(compile_errors.shown_half(case, 'fixed'),
                         'namespace app {\nstruct good {};\n} // namespace app\n\nvoid fixed() { app::good g; }')
        self.assertEqual(compile_errors.shown_half(case, 'broken'),
                         'namespace app {\nstruct bad {\n    int i;\n};\n} // namespace app\n\n'
                         'void broken() {\n    app::bad lock;\n}')


if __name__ == '__main__':
    unittest.main()
