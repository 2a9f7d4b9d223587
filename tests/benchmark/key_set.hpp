// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pglocks::benchmark {

inline constexpr std::size_t keys_in_a_set = 1000;

/// The keys of a set, in order; the sets of different sessions have none in common.
[[nodiscard]] inline std::vector<std::int64_t> key_set(std::int64_t first) {
    std::vector<std::int64_t> keys;
    keys.reserve(keys_in_a_set);
    for (std::size_t i = 0; i < keys_in_a_set; ++i) {
        keys.push_back(first * 1'000'000 + static_cast<std::int64_t>(i));
    }
    return keys;
}

} // namespace pglocks::benchmark
