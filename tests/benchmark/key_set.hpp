// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "benchmark/contestant.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pglocks::benchmark {

/// The keys of a set, in order; the sets of different sessions have none in common.
[[nodiscard]] inline std::vector<std::int64_t> key_set(const assignment& where) {
    std::vector<std::int64_t> keys;
    keys.reserve(where.set_size);
    for (std::size_t i = 0; i < where.set_size; ++i) {
        keys.push_back(where.key * 1'000'000 + static_cast<std::int64_t>(i));
    }
    return keys;
}

} // namespace pglocks::benchmark
