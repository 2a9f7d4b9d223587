#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Proves that a wrong use of the library does not compile, for the stated reason.

A case is one source file. Compiled as it is, it is the control: it must compile without a diagnostic. Compiled
with -DPGLOCKS_MUST_FAIL it must not compile, by exactly one error, and the compiler must say what the comments at
the head of the file expect (a comment may go on in the next lines):

  // ERROR: text      stands in the message of the error
  // SENTENCE: text   ends, as a comment, a source line of the library that the compiler shows
  // NOTE: text       stands in another message, or in a source line of the library that the compiler shows

The compiler's echo of the case's own source never counts, and the code of a case must not contain what it expects.

One case of each sentence explains it, and is shown with what the compilers say on PAGE (see compile_errors.py):

  // MEANING: text    what the sentence means, and why

  compile_fail.py precompile COMPILER FLAGS_FROM OUTPUT DEPFILE
  compile_fail.py check COMPILER FLAGS_FROM PRECOMPILED LIBRARY CASE PAGE
  compile_fail.py accept COMPILER FLAGS_FROM SOURCE [FLAG...]

accept is the other side: the source, or a unit that includes every header of a directory, compiles without a
diagnostic.

FLAGS_FROM is BUILD_DIRECTORY/compile_commands.json:SOURCE: the source whose include paths and definitions count.
LIBRARY is the directory of the library's headers.
"""
import dataclasses
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Werror=unused-result', '-Werror=unused-value']
DIAGNOSTIC = re.compile(r'(?P<path>[^\s:][^:]*):(?P<line>\d+):(?:\d+:)? '
                        r'(?P<kind>error|warning|note|[a-z ]*error|sorry, unimplemented): (?P<message>.*)')
CONTEXT = re.compile(r'(?P<path>[^\s:][^:]*):(?:\d+:\d+:)? +(?P<message>(?:In|in|required|recursively required) .*)')
INCLUDED = re.compile(r'(In file included |\s+)from .*')
NODISCARD = re.compile(r"declared with (attribute 'nodiscard'|'nodiscard' attribute): ")
DIRECTIVE = re.compile(r'// (ERROR|SENTENCE|NOTE|MEANING): (.*)')
SHOWN = re.compile(r'<!-- case: (\S+) -->.*?```text\n(.*?)```', re.DOTALL)


@dataclasses.dataclass
class Diagnostic:
    """A message of the compiler, or a step of the way to it as g++ prints it, and the source that it shows."""
    path: pathlib.Path
    kind: str
    message: str
    details: list


@dataclasses.dataclass
class Case:
    expected: dict  # of the directives: their texts
    code: str
    meaning: str = ''

    def sentence(self):
        """The sentence of the library that this case provokes."""
        return next(text for text in self.expected['SENTENCE'] + self.expected['ERROR'] if text.startswith('pglocks: '))


def read_case(text):
    """Splits a case into what it expects and its code."""
    expected = {'ERROR': [], 'SENTENCE': [], 'NOTE': [], 'MEANING': []}
    code = []
    texts = None
    for line in text.splitlines():
        directive = DIRECTIVE.fullmatch(line)
        if directive:
            texts = expected[directive[1]]
            texts.append(directive[2].strip())
        elif texts is not None and line.startswith('// '):
            texts[-1] += ' ' + line[3:].strip()
        else:
            texts = None
            code.append(line)
    return Case(expected, '\n'.join(code), ' '.join(expected.pop('MEANING')))


def read_diagnostics(output):
    """Splits a compiler's output into its messages."""
    diagnostics = []
    for line in output.splitlines():
        start = DIAGNOSTIC.fullmatch(line) or CONTEXT.fullmatch(line)
        if start:
            kind = start.groupdict().get('kind', 'context')
            diagnostics.append(Diagnostic(pathlib.Path(start['path']), kind, start['message'], []))
        elif diagnostics and not INCLUDED.fullmatch(line):
            diagnostics[-1].details.append(line)
    return diagnostics


def problems_of_case(case):
    """What is wrong with the case itself."""
    if not case.expected['ERROR']:
        yield 'the case has no "// ERROR:" line'
    if 'PGLOCKS_MUST_FAIL' not in case.code:
        yield 'the case does not mention PGLOCKS_MUST_FAIL'
    for text in sum(case.expected.values(), []):
        if text in case.code:
            yield f'the code of the case contains what it expects: {text}'


def problems_of_control(run):
    """What is wrong with the compilation that is to succeed."""
    if run.returncode != 0:
        yield 'the control does not compile'
    elif run.stderr:
        yield 'the control compiles with a diagnostic'


def problems_of_failure(run, case, source, library):
    """What is wrong with the compilation that is to fail."""
    diagnostics = read_diagnostics(run.stderr)
    errors = [d for d in diagnostics if d.kind not in ('warning', 'note', 'context')]
    if run.returncode == 0:
        yield 'it compiled'
    elif run.returncode != 1 or 'internal compiler error' in run.stderr or 'PLEASE submit' in run.stderr:
        yield f'the compiler broke down (exit status {run.returncode})'
    if len(errors) != 1 or errors[0].kind != 'error' or run.stderr.count(' error: ') != 1:
        yield f'there is to be exactly one error: {len(errors)} found'

    def of_library(diagnostic):
        return diagnostic.path != source and library in diagnostic.path.resolve().parents

    shown = [line for d in diagnostics if of_library(d) for line in d.details]
    said = [d.message for d in diagnostics if d.kind == 'note' or (d.kind == 'context' and of_library(d))]
    for text in case.expected['ERROR']:
        if not any(text in d.message for d in errors):
            yield f'no error says: {text}'
        # What a [[nodiscard]] says stands where the result is thrown away.
        if text.startswith('pglocks: ') and not any(of_library(d) or NODISCARD.search(d.message) for d in errors):
            yield 'the error does not stand in the library'
    for text in case.expected['SENTENCE']:
        if not any(line.rstrip().endswith('// ' + text) for line in shown):
            yield f'no source line of the library that is shown ends in: // {text}'
    for text in case.expected['NOTE']:
        if not any(text in line for line in shown + said):
            yield f'nothing says: {text}'


def said_by(stderr, sentence):
    """What a compiler says, as a page shows it: the error, and the line of the library that ends in the sentence with
    the message that it stands under. What changes when the library is rearranged is left out: places in files, classes
    of its own, and what g++ says of constraints and template arguments."""
    shown = []
    for diagnostic in read_diagnostics(stderr):
        lines = [re.sub(r'^ *\d* \| ', '', line).strip() for line in diagnostic.details]
        explained = [line for line in lines if line.endswith('// ' + sentence)]
        if diagnostic.kind == 'error' or explained:
            place = 'pglocks/...' if diagnostic.path.suffix == '.hpp' else diagnostic.path.name
            message = re.sub(r"( requires .*?)? \[with .*?\](?='| has been |$)", ' [with ...]', diagnostic.message)
            message = re.sub(r'pglocks::detail::\w+<[^>]*>::', '...::', message).replace("'wrong'", "'broken'")
            shown.append(f'{place}: {diagnostic.kind}: {message}')
            shown += ['    ' + line for line in explained]
    return '\n'.join(shown)


def shown_on(page):
    """What a page shows of each case: of each compiler, what it says."""
    return {case: dict(part.split('\n', 1) for part in outputs.strip().split('\n\n'))
            for case, outputs in SHOWN.findall(page)}


def problems_of_page(stderr, case, source, compiler, page):
    """What is wrong with what the page shows of a case."""
    if case.meaning:
        shown = shown_on(page).get(f'{source.parent.name}/{source.stem}', {})
        name = name_of(compiler)
        if (name in shown or not shown) and shown.get(name) != said_by(stderr, case.sentence()):
            yield f'the page shows something else for {name}: run `meson compile -C BUILD_DIRECTORY update-docs`'


def compilation_of(origin):
    """The directory in which Meson compiles a source, and the flags that tell what the source means."""
    commands, source = origin.rsplit(':', 1)
    source = pathlib.Path(source).resolve()
    entry = next(e for e in json.loads(pathlib.Path(commands).read_text())
                 if (pathlib.Path(e['directory']) / e['file']).resolve() == source)
    words = iter(shlex.split(entry['command']))
    flags = []
    for word in words:
        if word in ('-I', '-isystem', '-D'):
            flags += [word, next(words)]
        elif word.startswith(('-I', '-isystem', '-D', '-std=')):
            flags.append(word)
    return entry['directory'], flags


def is_clang(compiler):
    return 'clang' in pathlib.Path(compiler).name


def name_of(compiler):
    """As pages call a compiler: `clang 14`."""
    version = subprocess.run([compiler, '-dumpversion'], capture_output=True, text=True, check=True).stdout
    return f'{"clang" if is_clang(compiler) else "g++"} {version.split(".")[0].strip()}'


def compile_(compiler, origin, arguments):
    directory, flags = compilation_of(origin)
    return subprocess.run([compiler, *flags, '-fno-diagnostics-color', *map(str, arguments)], cwd=directory,
                          env={**os.environ, 'LC_ALL': 'C'}, capture_output=True, text=True, check=False)


def precompile(compiler, origin, output, depfile):
    """Precompiles the library's umbrella header, which takes longer to read than all that a case adds."""
    output = pathlib.Path(output).resolve()
    depfile = pathlib.Path(depfile).resolve()
    run = compile_(compiler, origin, ['-x', 'c++-header', os.devnull, '-include', 'pglocks/pglocks.hpp',
                                      '-o', output, '-MD', '-MF', depfile, '-MT', output])
    sys.stderr.write(run.stderr)
    if run.returncode == 0:  # other flags make another precompiled header
        commands = origin.rsplit(':', 1)[0]
        depfile.write_text(f'{depfile.read_text().rstrip()} {commands}\n')
    return run.returncode


def compile_case(compiler, origin, precompiled, source, *flags):
    precompiled = pathlib.Path(precompiled).resolve()
    use = (['-include-pch', precompiled] if is_clang(compiler)
           else ['-include', precompiled.with_suffix(''), '-Winvalid-pch', '-Werror=invalid-pch'])
    return compile_(compiler, origin, [*flags, *use, *WARNINGS, '-fsyntax-only', source])


def check(compiler, origin, precompiled, library, source, page):
    """Compiles a case twice; the status is a text that says what is wrong."""
    source = pathlib.Path(source).resolve()
    library = pathlib.Path(library).resolve()
    case = read_case(source.read_text())
    control = compile_case(compiler, origin, precompiled, source)
    failure = compile_case(compiler, origin, precompiled, source, '-DPGLOCKS_MUST_FAIL')
    print(control.stderr, failure.stderr, sep='')
    problems = [*problems_of_case(case), *problems_of_control(control),
                *problems_of_failure(failure, case, source, library)]
    return '\n'.join(problems or problems_of_page(failure.stderr, case, source, compiler,
                                                  pathlib.Path(page).read_text())) or 0


def accept(compiler, origin, source, *flags):
    """Compiles a source, or all headers of a directory; the status is a text that says what is wrong."""
    source = pathlib.Path(source).resolve()
    headers = sorted(source.rglob('*.hpp')) if source.is_dir() else []
    what = sum((['-include', header] for header in headers), []) + ['-x', 'c++', os.devnull] if headers else [source]
    run = compile_(compiler, origin, ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Wold-style-cast',
                                      '-fsyntax-only', *flags, *what])
    print(run.stderr)
    return '\n'.join(problems_of_control(run)) or 0


if __name__ == '__main__':
    sys.exit({'precompile': precompile, 'check': check, 'accept': accept}[sys.argv[1]](*sys.argv[2:]))
