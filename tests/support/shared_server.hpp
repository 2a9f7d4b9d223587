// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/server.hpp"

namespace pglocks::test {

/// The one server of this test program, for all tests that need not control it; started at the first call.
///
/// It is a postgres_server, or, if PGHOST, PGHOSTADDR or PGSERVICE is set, the server that libpq's
/// environment names, or, if DATABASE_URL is set, the server of that. Either way its conninfo() leads to a
/// scratch database that was made for this program. *Requires*: the first call comes from the main thread.
/// *Throws*: as postgres_server and scratch_database; an error about an existing server names the variable.
[[nodiscard]] const server& shared_server();

/// Drops the scratch database and stops the server, if there are any. The main() of the tests calls it after
/// the last test; without it, exit() does.
void stop_shared_server();

} // namespace pglocks::test
