#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares a generated page with the one that is checked in, or writes it.

    reference_tables.py check GENERATOR PAGE
    reference_tables.py update GENERATOR PAGE
"""
import difflib
import pathlib
import subprocess
import sys


def main() -> int:
    if len(sys.argv) != 4 or sys.argv[1] not in ("check", "update"):
        print(__doc__, file=sys.stderr)
        return 64
    action, generator, page = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    generated = subprocess.run([generator], check=True, stdout=subprocess.PIPE).stdout.decode()
    present = page.read_text(encoding="utf-8") if page.exists() else ""
    if generated == present:
        return 0
    if action == "update":
        page.write_text(generated, encoding="utf-8")
        print(f"{page}: written")
        return 0
    sys.stderr.writelines(difflib.unified_diff(present.splitlines(True), generated.splitlines(True),
                                               "checked in", "printed by the library"))
    print(f"\n{page} is stale: run `meson compile -C BUILD_DIRECTORY update-docs` and commit it.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
