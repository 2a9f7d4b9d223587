#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of check_documentation.py on small trees: it finds each fault, and nothing in a tree without one."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
import check_documentation  # noqa: E402

SOURCE = """int before;
namespace {
    //! [part]
    int answer() {
        return 42;
    }
    //! [part]
}
"""
BLOCK = "int answer() {\n    return 42;\n}"


class CheckDocumentation(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)
        self.write("docs/snippets/part.cpp", SOURCE)
        self.write("docs/meson.build", "executable('snippets', 'snippets/part.cpp')\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def problems(self, page, update=False):
        self.write("docs/page.md", page)
        checker = check_documentation.Checker(self.root, update)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = checker.run()
        self.assertEqual(status, 1 if checker.problems else 0)
        return checker.problems

    def block(self, body=BLOCK, region="docs/snippets/part.cpp#part", language="cpp"):
        return f"# Page\n\n<!-- region: {region} -->\n```{language}\n{body}\n```\n"

    def assert_one_problem(self, problems, words):
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(words, problems[0])

    def test_a_block_that_equals_its_region_without_its_indentation_is_right(self):
        self.assertEqual(self.problems(self.block()), [])

    def test_what_is_thrown_and_stands_on_no_page_is_found(self):
        self.write("include/lock.hpp", 'throw refused({.what = "it is " + std::string(how),\n'
                                       '               .advice = "do something "\n                         "else"}); // no\n'
                                       'throw std::system_error(e, "pglocks: no descriptor");\n'
                                       '[[nodiscard("pglocks: look")]] static_assert(x, "pglocks: not here");\n')
        messages = "### `pglocks: it is red`\n\nIt is `it is red; do something else`, or `pglocks: no descriptor`.\n"
        self.write("docs/troubleshooting.md", "[it](reference/messages.md#pglocks-it-is-red)\n")
        self.write("docs/reference/messages.md", messages)
        self.assertEqual(self.problems("# Page\n"), [])
        for part in ("something else", "pglocks: no descriptor"):
            self.write("docs/reference/messages.md", messages.replace(part, "?"))
            self.assert_one_problem(self.problems("# Page\n"), "no message has the text of lock.hpp")
        self.write("docs/reference/messages.md", messages)
        self.write("docs/troubleshooting.md", "\n")
        self.assert_one_problem(self.problems("# Page\n"), "no link to the section")

    def test_a_region_inside_another_leaves_no_mark_there(self):
        self.write("docs/snippets/part.cpp", SOURCE.replace("        return 42;\n",
                                                            "//! [answer]\n        return 42;\n//! [answer]\n"))
        self.assertEqual(self.problems(self.block()), [])
        self.assertEqual(self.problems(self.block("return 42;", "docs/snippets/part.cpp#answer")), [])

    def test_a_block_that_differs_is_found(self):
        self.assert_one_problem(self.problems(self.block(BLOCK.replace("42", "43"))), "differs")

    def test_a_block_without_a_region_is_found(self):
        self.assert_one_problem(self.problems(f"```cpp\n{BLOCK}\n```\n"), "no <!-- region")

    def test_a_comment_belongs_to_one_block_alone(self):
        self.assert_one_problem(self.problems(self.block() + f"\n```cpp\n{BLOCK}\n```\n"), "no <!-- region")

    def test_a_region_that_is_not_there_is_found(self):
        self.assert_one_problem(self.problems(self.block(region="docs/snippets/part.cpp#other")), "instead of two")
        self.assert_one_problem(self.problems(self.block(region="docs/snippets/other.cpp#part")), "no file")

    def test_a_region_of_a_file_that_nothing_compiles_is_found(self):
        self.write("docs/snippets/loose.cpp", SOURCE)
        self.assert_one_problem(self.problems(self.block(region="docs/snippets/loose.cpp#part")), "nothing compiles")
        self.assert_one_problem(self.problems(self.block(region="../part.cpp#part")), "is not in")

    def test_a_block_of_another_spelling_of_the_language_is_found(self):
        self.assert_one_problem(self.problems(self.block(language="c++")), "write cpp")

    def test_a_block_of_a_build_file_is_a_region_of_one_that_a_test_uses(self):
        self.write("tests/use/meson.build.in", "# [use]\ndependency('x')\n# [use]\n")
        page = "<!-- region: tests/use/meson.build.in#use -->\n```meson\ndependency('x')\n```\n"
        self.assertIn("nothing compiles it", self.problems(page)[0])
        self.write("tests/use/use_test.py", "shutil.copy('meson.build.in')\n")
        self.assertEqual(self.problems(page), [])
        self.assertIn("no <!-- region", self.problems("```meson\ndependency('x')\n```\n")[0])

    def test_a_block_of_a_language_that_a_test_runs_needs_no_region(self):
        self.assertEqual(self.problems("```sql\nselect 1;\n```\n\n```sh\nls\n```\n\n```text\nplain\n```\n"), [])

    def test_a_block_of_a_language_that_no_test_runs_is_found(self):
        self.assert_one_problem(self.problems("```yaml\na: b\n```\n"), "no test runs")
        self.assert_one_problem(self.problems("```\nplain\n```\n"), "no test runs")

    def test_a_sentence_that_no_header_says_is_found(self):
        self.write("include/pglocks/a.hpp", 'static_assert(false, "pglocks: keep "\n  "one");\n')
        page = "```text\nerror: static assertion failed: pglocks: {}\n```\n"
        self.assertEqual(self.problems(page.format("keep one")), [])
        self.assert_one_problem(self.problems(page.format("keep two")), "no header says")

    def test_a_path_that_is_not_there_is_found(self):
        self.assertEqual(self.problems("See `docs/snippets/part.cpp`.\n"), [])
        self.assert_one_problem(self.problems("See `docs/snippets/other.cpp`.\n"), "there is no docs")

    def test_a_block_without_an_end_is_found(self):
        self.assert_one_problem(self.problems("```sql\nselect 1;\n"), "no end")

    def test_update_writes_the_region_into_the_block(self):
        self.assertEqual(self.problems(self.block(""), update=True), [])
        self.assertEqual((self.root / "docs/page.md").read_text(encoding="utf-8"), self.block())

    def test_a_link_that_leads_nowhere_is_found(self):
        self.assert_one_problem(self.problems("See [there](nowhere.md).\n"), "leads nowhere")
        self.assert_one_problem(self.problems("See [out](../../etc/passwd).\n"), "leads nowhere")
        self.assert_one_problem(self.problems("[there]: nowhere.md\n"), "leads nowhere")

    def test_a_link_to_a_file_a_heading_or_another_site_is_right(self):
        page = "# The `first` part: what?\n\n[a](snippets/part.cpp) [b](#the-first-part-what) [c](page.md#again-1) " \
               "[d](https://example.org/x)\n\n## Again\n\n## Again\n"
        self.assertEqual(self.problems(page), [])

    def test_a_link_to_a_heading_that_is_not_there_is_found(self):
        self.assert_one_problem(self.problems("# Here\n\n[b](#there)\n"), "heading")
        self.assert_one_problem(self.problems("# Here\n\n```sh\n# there\n```\n[b](#there)\n"), "heading")

    def test_what_looks_like_a_link_in_code_is_none(self):
        self.assertEqual(self.problems("`a[0](x)`\n\n```sh\n[a](b)\n```\n"), [])

    def test_an_alias_that_the_table_lacks_is_found(self):
        self.write("include/pglocks/aliases.hpp", "using one_lock = int;\nusing two_lock = int;\n")
        self.write("docs/reference/policies.md", "| `one_lock` |\n")
        self.assert_one_problem(self.problems("# Page\n"), "two_lock")

    def test_a_tree_without_pages_is_no_success(self):
        checker = check_documentation.Checker(self.root)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(checker.run(), 1)


if __name__ == "__main__":
    unittest.main()
