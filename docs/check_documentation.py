#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks README.md and docs/**/*.md: every block of C++, CMake or Meson is a region of a file that the build or a test
uses, and every other one of a language that a test runs; a sentence of the library that a text block shows stands in
its headers; every relative link leads somewhere, and so does every path of the repository; every alias of aliases.hpp
stands in the table of policies, and every text that the library throws on the page of messages.

    check_documentation.py [--update] [ROOT]

A block is preceded by <!-- region: FILE#NAME -->. Its region is what stands in FILE, a path from the root, between two
lines `//! [NAME]` (or `# [NAME]`), without its common indentation. --update writes the regions into the blocks.
"""
import argparse
import pathlib
import re
import sys
import textwrap

REGION_COMMENT = re.compile(r"<!--\s*region:\s*(?P<file>[^#]+?)\s*#\s*(?P<name>.+?)\s*-->\s*$")
FENCE = re.compile(r"^\s*(?P<fence>```+|~~~+)\s*(?P<language>[^\s`]*)")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?(?P<target>[^()<>\s]+(?:\([^()]*\))?)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(?P<target>[^\s>]+)")
MARK = re.compile(r"\s*(//!|#) \[[^\]]*\]\s*$")
CPP = {"cpp", "c++", "cc", "cxx", "hpp"}
BUILD_FILES = {"cmake", "meson"}
RUN = {"sh": "docs/commands_test.py", "sql": "tests/integration/documented_sql_test.cpp"}
SENTENCE = re.compile(r"(?:static assertion failed: |// )pglocks: (.+)")
PATH = re.compile(r"`((?:docs|examples|include|tests)/[\w./-]+)`")
CODE_FOLDERS = ("examples", "docs", "tests")
GENERATED = "docs/reference/compile_errors.md"  # its blocks are compared with the cases that it is made of
MESSAGES = "docs/reference/messages.md"
CONTENTS = "docs/troubleshooting.md"
LITERAL = r'"(?:[^"\\]|\\.)*"'


class Checker:
    def __init__(self, root: pathlib.Path, update: bool = False):
        self.root = root.resolve()
        self.update = update
        self.problems: list[str] = []
        self.blocks = 0
        self.links = 0

    def problem(self, page: pathlib.Path, line: int, what: str) -> None:
        self.problems.append(f"{page.relative_to(self.root)}:{line}: {what}")

    def pages(self) -> list[pathlib.Path]:
        readme = self.root / "README.md"
        return ([readme] if readme.exists() else []) + sorted((self.root / "docs").rglob("*.md"))

    def region(self, file: str, name: str) -> str:
        """The text of a region. Raises ValueError with what is wrong."""
        path = (self.root / file).resolve()
        if not path.is_relative_to(self.root) or path.relative_to(self.root).parts[0] not in CODE_FOLDERS:
            raise ValueError(f"{file} is not in {', '.join(CODE_FOLDERS)}, where files are compiled")
        if not path.is_file():
            raise ValueError(f"there is no file {file}")
        lines = path.read_text(encoding="utf-8").splitlines()
        marks = [i for i, line in enumerate(lines) if line.strip() in (f"//! [{name}]", f"# [{name}]")]
        if len(marks) != 2:
            raise ValueError(f"{file} has {len(marks)} lines `//! [{name}]` instead of two")
        if not self.is_compiled(path):
            raise ValueError(f"{file} stands in no meson.build beside or above it: nothing compiles it")
        body = [line for line in lines[marks[0] + 1:marks[1]] if not MARK.match(line)]  # of regions inside
        return textwrap.dedent("\n".join(body)).strip("\n")

    def is_compiled(self, path: pathlib.Path) -> bool:
        """Whether a meson.build beside or above the file names it, or its stem, which lists of programs have; or, for a
        build file, a test beside it."""
        if any(f"'{path.name}'" in test.read_text(encoding="utf-8") for test in path.parent.glob("*_test.py")):
            return True
        folder = path.parent
        while folder != self.root:
            build = folder / "meson.build"
            relative = path.relative_to(folder)
            names = {str(relative), str(relative.with_suffix(""))}
            if build.is_file() and names & set(re.findall(r"'([^']*)'", build.read_text(encoding="utf-8"))):
                return True
            folder = folder.parent
        return False

    def anchors(self, page: pathlib.Path) -> set[str]:
        """The anchors that a Markdown page's headings have on GitHub."""
        found: set[str] = set()
        counts: dict[str, int] = {}
        for line in prose(page.read_text(encoding="utf-8").splitlines()):
            heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
            if heading:
                text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).replace("`", "").lower()
                slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
                count = counts.get(slug, 0)
                counts[slug] = count + 1
                found.add(f"{slug}-{count}" if count else slug)
        return found

    def check_link(self, page: pathlib.Path, line: int, target: str) -> None:
        if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
            return
        self.links += 1
        path, _, anchor = target.partition("#")
        if path.startswith("/"):
            self.problem(page, line, f"the link {target} starts at no known place: make it relative")
            return
        leads_to = (page.parent / path).resolve() if path else page
        if not leads_to.is_relative_to(self.root) or not leads_to.exists():
            self.problem(page, line, f"the link {target} leads nowhere")
        elif anchor and leads_to.suffix == ".md" and anchor not in self.anchors(leads_to):
            self.problem(page, line, f"the link {target} leads to a heading that is not there")

    def check_page(self, page: pathlib.Path) -> None:
        lines = page.read_text(encoding="utf-8").splitlines()
        written: list[str] = []
        before = ""
        i = 0
        while i < len(lines):
            opening = FENCE.match(lines[i])
            if not opening:
                self.check_paths(page, i + 1, lines[i])
                for match in LINK.finditer(re.sub(r"`[^`]*`", "", lines[i])):
                    self.check_link(page, i + 1, match.group("target"))
                reference = REFERENCE.match(lines[i])
                if reference:
                    self.check_link(page, i + 1, reference.group("target"))
                if lines[i].strip():
                    before = lines[i]
                written.append(lines[i])
                i += 1
                continue
            start, fence = i, opening.group("fence")
            i += 1
            while i < len(lines) and lines[i].strip() != fence:
                i += 1
            if i == len(lines):
                self.problem(page, start + 1, "the code block has no end")
            body = lines[start + 1:i]
            if opening.group("language").lower() in CPP | BUILD_FILES:
                if page != self.root / GENERATED:
                    body = self.check_block(page, start + 1, opening.group("language"), before, body)
            else:
                self.check_other_block(page, start + 1, opening.group("language"), body)
            written += [lines[start], *body, *lines[i:i + 1]]
            before = ""
            i += 1
        if self.update and written != lines:
            page.write_text("\n".join(written) + "\n", encoding="utf-8")

    def check_paths(self, page: pathlib.Path, line: int, text: str) -> None:
        for path in PATH.findall(text):
            if not (self.root / path).exists() and not (self.root / path).with_suffix(".cpp").exists():
                self.problem(page, line, f"there is no {path}")

    def check_other_block(self, page: pathlib.Path, line: int, language: str, body: list[str]) -> None:
        if language != "text" and language not in RUN:
            self.problem(page, line, f"no test runs a block of the language {language or 'that is not told'}")
        for text in body:
            sentence = SENTENCE.search(text)
            if sentence and language == "text" and sentence.group(1) not in self.sentences():
                self.problem(page, line, f"no header says: {sentence.group(1)}")

    def sentences(self) -> str:
        """The headers, with the pieces of their literals joined."""
        headers = (header.read_text(encoding="utf-8") for header in sorted((self.root / "include").rglob("*.hpp")))
        return re.sub(r'"\s*"', "", "\n".join(headers))

    def check_block(self, page: pathlib.Path, line: int, language: str, before: str, body: list[str]) -> list[str]:
        self.blocks += 1
        if language not in BUILD_FILES and language != "cpp":
            self.problem(page, line, f"the block's language is {language}: write cpp")
        comment = REGION_COMMENT.search(before)
        if not comment:
            self.problem(page, line, "the block has no <!-- region: FILE#NAME --> before it, so nothing compiles it")
            return body
        try:
            region = self.region(comment.group("file"), comment.group("name"))
        except ValueError as error:
            self.problem(page, line, str(error))
            return body
        if not region:
            self.problem(page, line, f"the region {comment.group('name')} is empty")
        elif "\n".join(body) != region:
            if self.update:
                return region.splitlines()
            self.problem(page, line, f"the block differs from {comment.group('file')}#{comment.group('name')}: "
                                     "run `meson compile -C BUILD_DIRECTORY update-docs`")
        return body

    def check_aliases(self) -> None:
        header = self.root / "include/pglocks/aliases.hpp"
        table = self.root / "docs/reference/policies.md"
        if not header.exists() or not table.exists():
            return
        aliases = re.findall(r"^using (\w+) =", header.read_text(encoding="utf-8"), re.MULTILINE)
        text = table.read_text(encoding="utf-8")
        for alias in aliases:
            if f"`{alias}`" not in text:
                self.problem(table, 1, f"the alias {alias} is missing: add it to docs/policy_reference.cpp")

    def check_messages(self) -> None:
        page = self.root / MESSAGES
        if not page.exists():
            return
        text = page.read_text(encoding="utf-8")
        shown = re.sub(r"\s+", " ", text.replace("`", ""))
        for header in sorted((self.root / "include").rglob("*.hpp")):
            for thrown in thrown_texts(header.read_text(encoding="utf-8")):
                if re.sub(r"\s+", " ", thrown.replace("`", "")).strip() not in shown:
                    self.problem(page, 1, f"no message has the text of {header.name}: \"{thrown}\"")
        contents = self.root / CONTENTS
        for line, anchor in self.sections(page, "### "):
            if f"(reference/messages.md#{anchor})" not in contents.read_text(encoding="utf-8"):
                self.problem(contents, 1, f"no link to the section {line}")

    def sections(self, page: pathlib.Path, level: str) -> list[tuple[str, str]]:
        """The headings of a level, with their anchors."""
        lines = [line for line in prose(page.read_text(encoding="utf-8").splitlines()) if line.startswith(level)]
        return [(line, re.sub(r"[^\w\- ]", "", line[len(level):].lower()).replace(" ", "-")) for line in lines]

    def run(self) -> int:
        pages = self.pages()
        if not pages:
            self.problems.append(f"no README.md and no page in docs/ under {self.root}")
        for page in pages:
            self.check_page(page)
        self.check_aliases()
        self.check_messages()
        for problem in self.problems:
            print(problem, file=sys.stderr)
        print(f"{len(pages)} pages, {self.blocks} C++ blocks, {self.links} relative links, "
              f"{len(self.problems)} problems")
        return 1 if self.problems else 0


def thrown_texts(header: str) -> list[str]:
    """The texts of which the errors of a header are made."""
    code = re.sub(rf"^#error[^\n]*|({LITERAL})|//[^\n]*|'\"'", lambda match: match[1] or "", header, flags=re.MULTILINE)
    code = re.sub(r"\[\[nodiscard\(.*?\)\]\]|static_assert\(.*?\);", "", code, flags=re.DOTALL)
    texts = re.findall(r'"(pglocks: [^"]+)"', code)
    for start in re.finditer(r"(\.(?:what|advice) \+?=|\bneeds =)|\b(?:loss|refuse|refuse_busy)\(", code):
        depth = 0
        for token in re.finditer(rf"{LITERAL}(?:\s*{LITERAL})*|[(){{}};,]", code[start.end():]):
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(token.group(), 0)
            if depth < 0 or (depth == 0 and start[1] and token.group() in ",;"):
                break
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', token.group())).replace('\\"', '"')
            if len(text) >= 8:
                texts.append(text)
    return texts


def prose(lines: list[str]) -> list[str]:
    """The lines that are not in a code block."""
    outside: list[str] = []
    fence = ""
    for line in lines:
        match = FENCE.match(line)
        if fence:
            if line.strip() == fence:
                fence = ""
        elif match:
            fence = match.group("fence")
        else:
            outside.append(line)
    return outside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the regions into the blocks")
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent)
    arguments = parser.parse_args()
    return Checker(arguments.root, arguments.update).run()


if __name__ == "__main__":
    sys.exit(main())
