// SPDX-License-Identifier: BSL-1.0
#include "print_key.hpp"

#include <pglocks/error.hpp>

#include "hashes.hpp"
#include "text.hpp"

#include <iostream>

namespace pglock {

namespace {

[[nodiscard]] std::vector<std::string> row(const named_hash& hash, const options& given) {
    std::vector<std::string> cells{hash.name};
    try {
        if (hash.key_of) {
            const auto key = hash.key_of(given.name);
            cells.push_back(key_text(key));
            if (given.verbose) {
                cells.push_back(to_string(key));
            }
        }
    } catch (const pglocks::refused&) { // this name is none in that ecosystem
    }
    cells.resize(given.verbose ? 3 : 2, "-");
    cells.emplace_back(hash.summary);
    return cells;
}

} // namespace

void print_key(const options& given) {
    if (!given.every_hash) {
        std::cout << key_text(*given.key) << '\n';
        if (given.verbose) {
            std::cout << to_string(*given.key) << '\n';
        }
        return;
    }
    std::vector<std::vector<std::string>> rows{{"HASH", "KEY"}};
    if (given.verbose) {
        rows.front().emplace_back("PG_LOCKS");
    }
    rows.front().emplace_back("WHAT IT IS");
    for (const named_hash& hash : hashes()) {
        rows.push_back(row(hash, given));
    }
    std::cout << table(rows);
}

} // namespace pglock
