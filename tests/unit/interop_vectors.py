#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints the golden vectors of the interop policies as a C++ header.

    interop_vectors.py VECTORS.json

The file holds, for each policy as C++ spells it inside namespace pglocks, names and the keys that the ecosystem
gives them: an integer for a bigint, two for a pair.
"""
import json
import pathlib
import sys


def literal(text: str) -> str:
    data = text.encode("utf-8")
    return 'std::string_view("' + "".join(f"\\{byte:03o}" for byte in data) + f'", {len(data)})'


def integer(value: int, bits: int) -> str:
    least = value == -(2 ** (bits - 1))
    return f"std::int{bits}_t{{{value + 1 if least else value}{' - 1' if least else ''}}}"


def key(value: "int | list[int]") -> str:
    halves = [integer(half, 32) for half in value] if isinstance(value, list) else [integer(value, 64)]
    return f"pglocks::lock_key({', '.join(halves)})"


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    policies = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("""// Printed by interop_vectors.py from interop_vectors.json.
#pragma once

#include <pglocks/interop/interop.hpp>
#include <pglocks/key.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace golden {

struct name_and_key {
    std::string_view name;
    pglocks::lock_key key;
};

/// The keys that the ecosystem of a policy gives to names: none for a policy without vectors.
template <class Policy>
inline constexpr std::array<name_and_key, 0> keys_by{};
""")
    for policy, vectors in policies.items():
        print(f"template <>\ninline constexpr std::array<name_and_key, {len(vectors)}> "
              f"keys_by<pglocks::{policy}>{{{{")
        for name, value in vectors.items():
            print(f"    {{{literal(name)}, {key(value)}}},")
        print("}};")
    listed = ", ".join(f"pglocks::{policy}" for policy in policies)
    print(f"\nusing policies_with_keys = pglocks::type_list<{listed}>;\n\n}} // namespace golden")
    return 0


if __name__ == "__main__":
    sys.exit(main())
