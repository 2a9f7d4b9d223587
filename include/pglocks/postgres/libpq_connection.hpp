// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

namespace pglocks::postgres {

/// The libpq connection of a session, read anew for each use: `reconnect()` replaces it.
///
/// *Throws*: `refused` if the session is closed or not one of SOCI's PostgreSQL backend.
[[nodiscard]] inline PGconn* libpq_connection(soci::session& session) {
    auto* const backend = session.get_backend();
    if (!backend) {
        throw refused({.what = "the session is not open", .advice = "open it before it is given to a lock"});
    }
    if (backend->get_backend_name() != "postgresql") {
        throw refused({.what = "the session is one of SOCI's backend \"" + backend->get_backend_name() + '"',
                       .advice = "advisory locks need the backend \"postgresql\""});
    }
    PGconn* const conn = static_cast<soci::postgresql_session_backend*>(backend)->conn_;
    if (!conn) {
        throw refused({.what = "the session is not connected", .advice = "reconnect it"});
    }
    return conn;
}

} // namespace pglocks::postgres
