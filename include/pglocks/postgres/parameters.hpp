// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <libpq-fe.h>

#include <array>

namespace pglocks::postgres {

/// The parameters of a statement, as libpq takes them: they refer to what somebody else keeps.
struct statement_parameters {
    int count = 0;
    std::array<const char*, 3> values{};
    std::array<int, 3> lengths{}; ///< of the binary ones
    std::array<int, 3> formats{}; ///< 0 for text, 1 for binary

    /// Sends a statement with these; false if it could not be sent.
    [[nodiscard]] bool send(PGconn* conn, const char* statement) const noexcept {
        return PQsendQueryParams(conn, statement, count, nullptr, values.data(), lengths.data(),
                                 formats.data(), 0) != 0;
    }
};

} // namespace pglocks::postgres
