#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Computes the odds of a collision that README.md, docs/ and the headers tell: 1 - exp(-n(n-1) / 2^(bits+1)).

  collision_odds_test.py REPOSITORY
"""
import math
import pathlib
import re
import sys

POWERS = str.maketrans('⁰¹²³⁴⁵⁶⁷⁸⁹', '0123456789')


def number(text):
    """What 1,000 or 5 × 10⁹ or 37 million is."""
    match = re.fullmatch(r'([\d.,]+)(?: × 10([⁰¹²³⁴⁵⁶⁷⁸⁹]+)| (million))?', text)
    exponent = int(match[2].translate(POWERS)) if match[2] else 6 if match[3] else 0
    return float(match[1].replace(',', '')) * 10 ** exponent


def odds(names, bits):
    return -math.expm1(-names * (names - 1) / 2 ** (bits + 1))


def is_right(told, names, bits):
    """To the digits that are told: two, or one of a number below ten."""
    if told == 'certain':
        return odds(names, bits) > 0.999
    one_in = number(told.removeprefix('1 in '))
    digits = 1 if one_in < 10 else 2
    return f'{1 / odds(names, bits):.{digits}g}' == f'{one_in:.{digits}g}'


def main(repository):
    repository = pathlib.Path(repository)
    told = []  # where, the odds, of how many names, under how many bits
    page = repository / 'docs' / 'explanation' / 'keys_and_collisions.md'
    for row in re.findall(r'^\| ([\d].*?) \| (.*?) \| (.*?) \|$', page.read_text(encoding='utf-8'), re.MULTILINE):
        told += [(page, row[1], number(row[0]), 64), (page, row[2], number(row[0]), 32)]
    readme = repository / 'README.md'
    for text in re.findall(r'among a million names, the odds of a collision are (1 in [\d,]+ million)',
                           readme.read_text(encoding='utf-8')):
        told.append((readme, text, 1e6, 64))
    for header in sorted((repository / 'include').rglob('*.hpp')):
        text = re.sub(r'\n\s*/// ', ' ', header.read_text(encoding='utf-8'))
        for bits, names, chance in re.findall(r'(\d\d) bits(?: only)?: among ([\d,]+) names the odds of a collision are '
                                              r'(1 in \d+)', text):
            told.append((header, chance, number(names), int(bits)))
    wrong = [f'{file}: among {names:,.0f} names under {bits} bits it is 1 in {1 / odds(names, bits):,.4g}, not {chance}'
             for file, chance, names, bits in told if not is_right(chance, names, bits)]
    print(f'{len(told)} odds, {len(wrong)} wrong')
    if wrong or len(told) < 15 or not any(file == readme for file, *_ in told):
        sys.exit('\n'.join(wrong) or 'not all odds were found')


if __name__ == '__main__':
    main(*sys.argv[1:])
