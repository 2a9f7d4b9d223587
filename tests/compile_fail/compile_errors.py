#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes docs/reference/compile_errors.md, a section for each sentence that the library makes a compiler print, and
its table of contents in docs/troubleshooting.md; or tells what is missing in them.

  compile_errors.py check ROOT
  compile_errors.py update ROOT FLAGS_FROM COMPILER PRECOMPILED [COMPILER PRECOMPILED]...

The sentences are found in include/; a section comes from the one case of its sentence that has a MEANING. check
compiles nothing: what a compiler says is compared with the page by the test of the case (see compile_fail.py), and
taken from the page here. update compiles the cases that the page shows.
"""
import concurrent.futures
import difflib
import os
import pathlib
import re
import sys
import textwrap

sys.dont_write_bytecode = True
import compile_fail  # noqa: E402

PAGE = 'docs/reference/compile_errors.md'
CONTENTS = 'docs/troubleshooting.md'
COMPILERS = ['g++ 12', 'clang 14', 'clang 19']
FOLDERS = {
    'policy_set': ('Policies', 'Such a set of policies makes no lock. Only its `static_assert` fails: whatever else is '
                               'done with the type adds no error.'),
    'constructor': ('Constructors', 'The sentence is the comment behind a deleted constructor, which compilers show. '
                                    '`std::is_constructible_v` is false.'),
    'operation': ('Operations', 'The sentence is the comment behind a deleted function. A `requires` expression, or a '
                                'concept, finds that the lock has no such operation.'),
    'key': ('Keys', ''),
    'name': ('Names and hashes', ''),
    'lock_set': ('Sets of locks', ''),
    'result': ('Results that are thrown away', 'These are warnings, of which `-Werror` makes the errors that stand here.'),
}
INTRODUCTION = '''\
<!-- Written by tests/compile_fail/compile_errors.py from the cases in tests/compile_fail: change those, and run
`meson compile -C BUILD_DIRECTORY update-docs`. -->
# Errors at compile time

Every sentence that pglocks makes a compiler print starts with `pglocks: `. Search this page for its first words.

The code is compiled by the tests, the broken one and the fixed one, and what the compilers say is what they say there:
of the error, and of the message with the sentence. `...` stands for places in the library's headers, classes of its own,
and what g++ adds about constraints and template arguments.

`pglocks: this is C++20: compile with -std=c++20, or a later standard` is the first that a compiler says of
`pglocks/pglocks.hpp` with an older one. Meson wants `cpp_std=c++20` among the project's `default_options`; CMake's
target asks for it by itself.
'''


def literals_of(text):
    """What adjacent string literals say together."""
    return ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"')


def end_of_parentheses(text, start):
    """Where the parenthesis that opens at `start` is closed."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|//.*|[()]', text[start:]):
        depth += {'(': 1, ')': -1}.get(token.group(), 0)
        if depth == 0:
            return start + token.start()
    raise ValueError('a parenthesis has no end')


def sentences_in(text):
    """The sentences that a header makes compilers print."""
    yield from (sentence.strip() for sentence in re.findall(r'// (pglocks: .*)', text))
    for opening in re.finditer(r'(?:static_assert|\[\[nodiscard)(?=\()', text):
        start = opening.end()
        arguments = text[start:end_of_parentheses(text, start)]
        said = re.search(r'((?:"(?:[^"\\]|\\.)*"\s*)+)$', arguments)
        if said:
            yield literals_of(said[1])


def sentences_of(library):
    """All sentences, each once, with the header that has it first."""
    found = {}
    for header in sorted(library.rglob('*.hpp')):
        for sentence in sentences_in(header.read_text()):
            found.setdefault(sentence, header.relative_to(library))
    return found


def cases_in(folder):
    return {path: compile_fail.read_case(path.read_text())
            for name in FOLDERS for path in sorted((folder / name).glob('*.cpp'))}


def problems_of(sentences, cases):
    """What keeps the page from being complete. A case that explains nothing may quote the start of its sentence."""
    for sentence, header in sentences.items():
        explained = [path for path, case in cases.items() if case.meaning and case.sentence() == sentence]
        if not explained:
            yield f'{header}: no case in tests/compile_fail explains, in a `// MEANING:`, "{sentence}"'
        if len(explained) > 1:
            yield f'{len(explained)} cases explain "{sentence}": {", ".join(path.stem for path in explained)}'
        if not sentence.startswith('pglocks: '):
            yield f'{header}: a sentence for people starts with "pglocks: ": "{sentence}"'
    for path, case in cases.items():
        if not any(s == case.sentence() or not case.meaning and s.startswith(case.sentence()) for s in sentences):
            yield f'{path.parent.name}/{path.name}: the library has no sentence "{case.sentence()}"'


def headings_of(sentences):
    """The start of each sentence, as short as can be told from the others."""
    headings = {}
    for sentence in sentences:
        colons = [match.start() for match in re.finditer(': ', sentence)][1:]
        commas = [match.start() for match in re.finditer(', ', sentence)]
        ends = [colons[0], *(end for end in commas if end > colons[0])] if colons and colons[0] < 100 else commas
        others = [other for other in sentences if other != sentence]
        headings[sentence] = next((sentence[:end] for end in ends
                                   if not any(other.startswith(sentence[:end]) for other in others)), sentence)
    return headings


def anchor_of(heading):
    return re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


def code(text):
    return f'`` {text} ``' if '`' in text else f'`{text}`'


def declarations_in(text):
    """The declarations of a case before its control, with the names that they introduce."""
    pattern = re.compile(r'^(?:struct [^;{]*(?:;|\{[^\n]*\};|\{\n.*?^\};)|(?:using|inline constexpr) [^;]*;)$',
                         re.MULTILINE | re.DOTALL)
    for declaration in pattern.findall(text):
        yield declaration, re.match(r'(?:struct|using|inline constexpr [\w:]+) (\w+)', declaration)[1]


def shown_half(case, half):
    """The code of one half of a case, without what only the other half or the harness needs."""
    before, rest = re.fullmatch(r'(.*?)(^[^\n]*\bcontrol\b.*)', case.code, re.MULTILINE | re.DOTALL).groups()
    control, wrong = re.fullmatch(r'(.*?)#ifdef PGLOCKS_MUST_FAIL\n(.*)#endif\s*', rest, re.DOTALL).groups()
    text = re.sub(r'\b(control|wrong)\b', half, control if half == 'fixed' else wrong)
    text = re.sub(r'^ *static_cast<void>\(\w+\);\n', '', text, flags=re.MULTILINE)  # of what is not used
    text = re.sub(r'^static_assert\(sizeof\(\w+\) > 0\);\n', '', text, flags=re.MULTILINE)  # only instantiates
    if half == 'broken' and not case.expected['SENTENCE']:  # shows that a refused set makes no second error
        text = re.sub(r'^ *locks?\.(un)?lock\(\);\n', '', text, flags=re.MULTILINE)
    before = re.sub(r'^(#include|// SPDX).*\n', '', before, flags=re.MULTILINE)
    used = text
    for declaration, name in reversed(list(declarations_in(before))):
        if re.search(rf'\b{name}\b', used):
            used += declaration
        else:
            before = before.replace(declaration + '\n', '')
    before = re.sub(r'^namespace \w+ \{\n\} // namespace \w+\n', '', before, flags=re.MULTILINE)
    return re.sub(r'\n{3,}', '\n\n', f'{before.strip()}\n\n{text.strip()}').strip()


def section(sentence, heading, path, case, outputs):
    name = f'{path.parent.name}/{path.stem}'
    said = '\n\n'.join(f'{compiler}\n{outputs.get(name, {}).get(compiler, "?")}' for compiler in COMPILERS)
    parts = [f'### {code(heading)}', textwrap.fill(case.meaning, 120, break_long_words=False, break_on_hyphens=False)]
    if heading != sentence:
        parts.append(f'> {code(sentence)}')
    parts += [f'<!-- case: {name} -->', 'Broken:', f'```cpp\n{shown_half(case, "broken")}\n```',
              'Fixed:', f'```cpp\n{shown_half(case, "fixed")}\n```', f'```text\n{said}\n```']
    return '\n\n'.join(parts) + '\n'


def page_and_contents(sentences, cases, outputs):
    headings = headings_of(sentences)
    page, contents = [INTRODUCTION], []
    for folder, (title, about) in FOLDERS.items():
        shown = sorted((case.sentence(), path, case) for path, case in cases.items()
                       if case.meaning and path.parent.name == folder)
        page.append(f'## {title}\n' + (f'\n{textwrap.fill(about, 120)}\n' if about else ''))
        contents.append(f'{title}:\n')
        for sentence, path, case in shown:
            page.append(section(sentence, headings[sentence], path, case, outputs))
            target = f'{os.path.relpath(PAGE, pathlib.Path(CONTENTS).parent)}#{anchor_of(headings[sentence])}'
            contents.append(f'- [{code(sentence)}]({target})')
        contents.append('')
    return '\n'.join(page), '\n'.join(contents)


def with_contents(page, contents):
    return re.sub(r'(<!-- compile errors: begin.*?-->\n).*(<!-- compile errors: end -->)',
                  lambda match: f'{match[1]}\n{contents}{match[2]}', page, flags=re.DOTALL)


def compile_all(cases, origin, *compilers):
    """What each compiler says of each case that has a meaning."""

    def said(job):
        path, case, compiler, precompiled = job
        run = compile_fail.compile_case(compiler, origin, precompiled, path.resolve(), '-DPGLOCKS_MUST_FAIL')
        return (f'{path.parent.name}/{path.stem}', compile_fail.name_of(compiler),
                compile_fail.said_by(run.stderr, case.sentence()))

    jobs = [(path, case, compiler, precompiled) for path, case in cases.items() if case.meaning
            for compiler, precompiled in zip(compilers[::2], compilers[1::2])]
    outputs = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, compiler, text in pool.map(said, jobs):
            outputs.setdefault(name, {})[compiler] = text
    return outputs


def page_without_sentence(cases, outputs):
    """What the page shows of a compiler that has lost the sentence."""
    for path, case in cases.items():
        for said in outputs.get(f'{path.parent.name}/{path.stem}', {}).values():
            if case.sentence() not in said:
                yield case.sentence(), said


def main(action, root, *compile_with):
    root = pathlib.Path(root)
    sentences = sentences_of(root / 'include')
    cases = cases_in(root / 'tests/compile_fail')
    problems = list(problems_of(sentences, cases))
    if problems:
        return '\n'.join(problems)
    outputs = compile_all(cases, *compile_with) if action == 'update' else None  # takes minutes
    present = {name: (root / name).read_text() if (root / name).exists() else '' for name in (PAGE, CONTENTS)}
    page, contents = page_and_contents(sentences, cases, outputs or compile_fail.shown_on(present[PAGE]))
    wanted = {PAGE: page, CONTENTS: with_contents(present[CONTENTS], contents)}
    if action == 'update':
        for name in (name for name, text in wanted.items() if text != present[name]):
            (root / name).write_text(wanted[name])
            print(f'{name}: written')
        return 0
    for sentence, said in page_without_sentence(cases, compile_fail.shown_on(page)):
        print(f'on the page this does not say "{sentence}":\n{said}', file=sys.stderr)
        problems.append(sentence)
    for name, text in wanted.items():
        sys.stderr.writelines(difflib.unified_diff(present[name].splitlines(True), text.splitlines(True), name, 'wanted'))
    print(f'{len(sentences)} sentences, {len(cases)} cases')
    if contents not in present[CONTENTS]:
        return f'{CONTENTS} has no place for its table of contents'
    return 0 if wanted == present and not problems else f'{PAGE} is stale: run `meson compile -C BUILD_DIRECTORY update-docs`'


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
