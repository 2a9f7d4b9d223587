// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/postgres_server.hpp"

namespace pglocks::test {

/// A hot standby of another server, made with pg_basebackup, which streams from it until it is promoted.
class standby_server : public postgres_server {
public:
    /// Copies the primary, starts the copy, and waits until it has caught up.
    /// *Requires*: the primary runs. *Throws*: as postgres_server; std::runtime_error, if it does not catch
    /// up.
    explicit standby_server(const postgres_server& primary, const settings& with = {});

    /// Makes it a primary of its own, and waits until it is one. The old primary need not run; whether it
    /// does or not, nothing tells it. *Throws*: sql_error; std::runtime_error, if the promotion takes more
    /// than 60 seconds.
    void promote();
};

} // namespace pglocks::test
