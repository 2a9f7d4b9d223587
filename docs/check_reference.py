#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Finds what the headers offer and do not document, in the XML that Doxygen makes of them.

  check_reference.py XML_DIRECTORY

Doxygen's own warning says nothing of concepts, values of enumerations and specialisations. Documented means a sentence
of its own. None is asked of
- what is deleted: a line of the source ends in its sentence, which compilers show;
- what is the standard's: what is defaulted, destructors, `swap`, comparisons, `<<`, and the conversion to bool;
- what a policy has since its axis asks for it, which the axis's concept says; nor of an axis_traits or an archetype,
  which have what is said where they are declared;
- a constructor that is inherited.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

STANDARD = re.compile(r'~.*|swap|operator(==|<=>|<<| bool)')
SAID_ELSEWHERE = re.compile(r'pglocks::(axis_traits<|archetype::)')
OF_POLICIES = {'axis', 'summary', 'is_shared', 'ends_with_transaction', 'unbounded', 'bounded', 'operator()', 'accepts',
               'key_of', 'takes_no_names'}
LISTED = {'class', 'struct', 'union', 'namespace', 'concept'}


def text_of(element, tag):
    return ''.join(element.find(tag).itertext()).strip()


def is_documented(element):
    return any(text_of(element, f'{which}description') for which in ('brief', 'detailed'))


def has_a_sentence(element):
    return re.search(r'[.:?]\W*$', text_of(element, 'briefdescription') or text_of(element, 'detaileddescription'))


def is_exempt(member, bases, names):
    name, arguments = member.findtext('name'), member.findtext('argsstring') or ''
    if re.search(r'=\s*(delete|default)\b', arguments) or STANDARD.fullmatch(name) or name in bases:
        return True
    return name in OF_POLICIES and not names.isdisjoint({'axis', 'summary'})


def problems_of(directory):
    """The names of the entities, and for each that is not documented, where it is and what."""
    entities, problems = [], set()

    def look(element, name, sentence):
        location = element.find('location')
        at = f'{location.get("file")}:{location.get("line")}' if location is not None else '?'
        entities.append(name)
        if not is_documented(element):
            problems.add(f'{at}: {name} is not documented')
        elif sentence and not has_a_sentence(element):
            problems.add(f'{at}: the documentation of {name} does not begin with a sentence')

    for file in sorted(pathlib.Path(directory).glob('*.xml')):
        for compound in ElementTree.parse(file).getroot().iter('compounddef'):
            compound_name = compound.findtext('compoundname')
            if compound.get('kind') not in LISTED or compound.get('prot', 'public') != 'public' \
                    or SAID_ELSEWHERE.match(compound_name):
                continue
            bases = {base.text.split('<')[0].split('::')[-1] for base in compound.iter('basecompoundref')}
            if compound.get('kind') != 'namespace':  # may be opened anywhere; its members tell what it is for
                look(compound, compound_name, True)
            members = [m for m in compound.iter('memberdef') if m.get('prot') == 'public']
            names = {m.findtext('name') for m in members}
            for member in members:
                name = f'{compound_name}::{member.findtext("name")}'
                if is_exempt(member, bases, names) or member.get('kind') == 'friend':
                    continue
                look(member, name, member.get('kind') in ('function', 'enum'))
                for value in member.iter('enumvalue'):
                    entities.append(f'{name}::{value.findtext("name")}')
                    if not is_documented(value):
                        problems.add(f'{member.find("location").get("file")}: {name}::{value.findtext("name")} is not '
                                     'documented')
    return entities, sorted(problems)


def main(directory):
    entities, problems = problems_of(directory)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f'{len(entities)} public entities, {len(problems)} problems')
    return 1 if problems or not entities else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
