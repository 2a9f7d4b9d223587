// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdlib>
#include <string>

namespace example {

/// The connection string of an example: its first argument, else DATABASE_URL, else nothing, which leaves it
/// to libpq and its own environment (PGHOST, PGSERVICE, ...).
[[nodiscard]] inline std::string connection_string(int argc, char** argv) {
    if (argc > 1) {
        return argv[1];
    }
    const char* url = std::getenv("DATABASE_URL");
    return url ? url : "";
}

} // namespace example
