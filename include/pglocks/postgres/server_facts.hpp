// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/functions.hpp>
#include <pglocks/postgres/interruptible.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace pglocks::postgres {

/// What one query tells about the server behind a connection, asked once.
struct server_facts {
    int backend_pid = 0;
    bool pooled = false;     ///< somebody stands between us and the backend
    bool standby = false;    ///< the server was in recovery
    bool look_alike = false; ///< a server whose advisory locks exclude nobody
    bool has_oids = false;   ///< PostgreSQL's functions are at PostgreSQL's OIDs: they can be called by OID
    std::string token{};     ///< behind a pooler that was declared: what our backend is marked with

    /// A primary, nobody in between, and nothing but PostgreSQL: every kind of lock can be had, by OID.
    [[nodiscard]] bool is_plain() const noexcept { return has_oids && !pooled && !standby && !look_alike; }
};

/// Asks the server; one round trip. *Throws*: `lock_error`.
/// \param reader bounds how long the answer may take; without one, the answer is waited for
[[nodiscard]] inline server_facts learn_server_facts(PGconn* conn, const std::optional<lock_key>& key,
                                                     interruptible_reader* reader = nullptr) {
    static const std::string query =
        std::string(
            "select pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), pg_catalog.version(), "
            "(select pg_catalog.string_agg(pg_catalog.concat(p.oid, ' ', p.proname, ' ', p.proargtypes), ',' "
            "order by p.oid) from pg_catalog.pg_proc p where p.oid operator(pg_catalog.=) any ('{") +
        function_oids() + "}'::pg_catalog.oid[]))";
    const result r =
        reader ? reader->run(query.c_str(), key, true)
               : result(PQexecParams(conn, query.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
    if (PQresultStatus(r.get()) != PGRES_TUPLES_OK || PQntuples(r.get()) != 1) {
        throw_failure(r, conn, "asking what server this is", key);
    }
    const auto field = [&](int column) { return std::string_view(PQgetvalue(r.get(), 0, column)); };
    server_facts facts;
    const auto pid = field(0);
    std::from_chars(pid.data(), pid.data() + pid.size(), facts.backend_pid);
    facts.pooled = facts.backend_pid != PQbackendPID(conn);
    facts.standby = field(1) == "t";
    facts.look_alike = field(2).find("CockroachDB") != std::string_view::npos;
    facts.has_oids = field(3) == function_signatures();
    return facts;
}

} // namespace pglocks::postgres
