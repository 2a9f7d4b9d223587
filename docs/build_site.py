#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Builds the static site: the README and the pages of docs/ by MkDocs, and the reference of the headers by Doxygen.

  build_site.py REPOSITORY VERSION OUTPUT

OUTPUT is made anew. Links to files of the repository that are no pages lead to copies of them.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import check_reference  # noqa: E402

LINK = re.compile(r'(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^()#\s]+)(#[^()\s]*)?\)')
BACK = '<tab type="user" visible="yes" url="../../index.html" title="Documentation"/>'
PAGES = {'.md', '.svg', '.png'}


def where(path, repository, pages):
    """Where a file of the repository is in the site."""
    relative = path.relative_to(repository)
    if relative == pathlib.Path('README.md'):
        return pages / 'index.md'
    if relative.parts[0] == 'docs' and path.suffix in PAGES:
        return pages / pathlib.Path(*relative.parts[1:])
    return pages / 'files' / relative.with_name(relative.name + '.txt')


def convert(page, repository, pages):
    """Writes a page, with its links to where their targets will be, which are copied if they are no pages."""
    goal = where(page, repository, pages)

    def link(match):
        before, target, anchor = match.groups(default='')
        if re.match(r'[a-z]+:', target):
            return match.group()
        path = (page.parent / target).resolve()
        if path.is_dir():
            path = path / 'README.md'
        there = where(path, repository, pages)
        if path.suffix not in PAGES:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, there)
        return f'{before}{os.path.relpath(there, goal.parent)}{anchor})'

    goal.parent.mkdir(parents=True, exist_ok=True)
    text = page.read_text(encoding='utf-8')
    parts = re.split(r'(^```.*?^```$)', text, flags=re.MULTILINE | re.DOTALL)  # no link in a code block
    goal.write_text(''.join(part if part.startswith('```') else LINK.sub(link, part) for part in parts),
                    encoding='utf-8')


def build_reference(repository, version, output):
    settings = (repository / 'docs' / 'Doxyfile').read_text(encoding='utf-8')
    with tempfile.TemporaryDirectory() as xml:
        settings += f'PROJECT_NUMBER = {version}\nOUTPUT_DIRECTORY = {output}\nHTML_OUTPUT = .\nXML_OUTPUT = {xml}\n'
        output.mkdir(parents=True)
        layout = pathlib.Path(xml) / 'layout.xml'
        subprocess.run(['doxygen', '-l', layout], check=True)
        layout.write_text(layout.read_text().replace('<navindex>', f'<navindex>{BACK}'))
        settings += f'LAYOUT_FILE = {layout}\n'
        subprocess.run(['doxygen', '-'], input=settings, text=True, cwd=repository, check=True)
        entities, problems = check_reference.problems_of(xml)
    for lock in ('basic_advisory_lock', 'advisory_lock_set'):
        if f'pglocks::{lock}::unlock' not in entities:  # the filter of the base, see Doxyfile, has nothing to work on
            problems.append(f'{lock} has no operations in the reference')
    if problems:
        sys.exit('\n'.join(problems))


def main(repository, version, output):
    repository, output = pathlib.Path(repository).resolve(), pathlib.Path(output).resolve()
    with tempfile.TemporaryDirectory() as name:
        stage = pathlib.Path(name)
        pages = stage / 'pages'
        for page in [repository / 'README.md', *(repository / 'docs').rglob('*.md')]:
            convert(page, repository, pages)
        for picture in (repository / 'docs').rglob('*.svg'):
            shutil.copy(picture, where(picture, repository, pages))
        shutil.copy(repository / 'docs' / 'site.css', pages)
        config = (repository / 'docs' / 'mkdocs.yml').read_text(encoding='utf-8')
        in_navigation = set(re.findall(r': (\S+\.md)$', config, re.MULTILINE))
        there = {str(page.relative_to(pages)) for page in pages.rglob('*.md')}
        if there != in_navigation:
            sys.exit(f'not in the navigation of mkdocs.yml: {sorted(there - in_navigation)}; '
                     f'only there: {sorted(in_navigation - there)}')
        (stage / 'mkdocs.yml').write_text(config, encoding='utf-8')
        build_reference(repository, version, pages / 'reference' / 'api')
        shutil.rmtree(output, ignore_errors=True)
        subprocess.run([sys.executable, '-m', 'mkdocs', 'build', '--quiet', '--config-file', stage / 'mkdocs.yml',
                        '--site-dir', output], check=True)
    print(f'{output}/index.html')


if __name__ == '__main__':
    main(*sys.argv[1:])
