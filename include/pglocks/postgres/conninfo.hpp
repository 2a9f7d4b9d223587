// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

namespace pglocks::postgres {

struct free_options {
    void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
/// The parameters of a connection or of a connection string; the last has no keyword.
using connection_options = std::unique_ptr<PQconninfoOption, free_options>;

/// Appends a parameter to a connection string, quoted.
inline void add_parameter(std::string& conninfo, std::string_view keyword, std::string_view value) {
    ((conninfo += conninfo.empty() ? "" : " ") += keyword) += "='";
    for (const char c : value) {
        if (c == '\'' || c == '\\') {
            conninfo += '\\';
        }
        conninfo += c;
    }
    conninfo += '\'';
}

} // namespace pglocks::postgres
