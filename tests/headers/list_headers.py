#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints the library's headers, one a line, as they are included."""
import pathlib
import sys

include = pathlib.Path(sys.argv[1])
print('\n'.join(sorted(str(header.relative_to(include)) for header in include.rglob('*.hpp'))))
