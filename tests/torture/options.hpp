// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/fault_kind.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pglocks::torture {

/// A known mistake that workers make on purpose instead of using pglocks: the program has to find it.
enum class control : std::uint8_t {
    none,
    naive_timeout,    ///< `set lock_timeout`, a plain pg_advisory_lock, and the error believed
    unchecked_pooler, ///< session locks through PgBouncer in transaction mode
    ignored_unlock    ///< the answer of pg_advisory_unlock ignored, after a reconnect
};

inline constexpr unsigned max_processes = 16;
inline constexpr unsigned max_threads = 16;
inline constexpr unsigned max_keys = 1024;

struct options {
    std::chrono::seconds duration{60};
    std::uint64_t seed = 0;
    std::vector<fault_kind> faults;
    unsigned processes = 4;
    unsigned threads = 4;            ///< of each process
    unsigned keys = 64;              ///< key 0 is the hot one
    std::filesystem::path histories; ///< where to leave the histories; empty: nowhere
    torture::control control = torture::control::none;
};

/// Reads the command line.
/// \returns nothing if there was nothing to run, because --help was asked for and printed.
/// *Throws*: std::invalid_argument that says what is wrong.
[[nodiscard]] std::optional<options> parse_options(int argc, const char* const* argv);

[[nodiscard]] std::string name_of(control kind);

} // namespace pglocks::torture
