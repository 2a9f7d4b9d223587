// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/server.hpp"

#include <string>

namespace pglocks::test {

/// Where libpq finds a server, and as whom, whatever of it came from the environment.
struct server_address {
    std::string host; ///< a name or number, or the directory of a Unix socket
    std::string port;
    std::string user;
    std::string password;

    [[nodiscard]] bool is_unix_socket() const noexcept { return host.starts_with('/'); }
};

/// Connects once to learn it.
/// *Throws*: sql_error, if the server cannot be reached.
[[nodiscard]] server_address address_of(const server& where);

} // namespace pglocks::test
