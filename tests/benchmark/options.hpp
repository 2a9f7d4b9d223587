// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace pglocks::benchmark {

struct options {
    std::string contestant;
    std::string conninfo;
    unsigned sessions = 1;
    bool hot = false;
    bool hand_off = false;
    std::size_t set_size = 1;
};

/// Prints the help or the list of contestants, if asked to, and then answers nothing.
/// *Throws*: std::invalid_argument.
[[nodiscard]] std::optional<options> parse_options(int argc, const char* const* argv);

} // namespace pglocks::benchmark
