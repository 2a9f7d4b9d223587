// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/functions.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <charconv>
#include <chrono>
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
    std::chrono::milliseconds patience = std::chrono::seconds(10); ///< `pglocks.patience` of the session
};

/// Asks the server; one round trip. *Throws*: `lock_error`.
[[nodiscard]] inline server_facts learn_server_facts(PGconn* conn, const std::optional<lock_key>& key) {
    static const std::string query =
        std::string(
            "select pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), pg_catalog.version(), "
            "pg_catalog.current_setting('pglocks.patience', true), "
            "(select pg_catalog.string_agg(pg_catalog.concat(p.oid, ' ', p.proname, ' ', p.proargtypes), ',' "
            "order by p.oid) from pg_catalog.pg_proc p where p.oid operator(pg_catalog.=) any ('{") +
        function_oids.c_str() + "}'::pg_catalog.oid[]))";
    const result r(PQexecParams(conn, query.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
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
    int patience = 0;
    if (std::from_chars(field(3).data(), field(3).data() + field(3).size(), patience).ec == std::errc() &&
        patience > 0) {
        facts.patience = std::chrono::milliseconds(patience);
    }
    facts.has_oids = field(4) == function_signatures();
    return facts;
}

/// Throws `refused` if a lock of this kind would exclude nobody, or not surely, on this server.
inline void refuse_unsuitable_server(const server_facts& facts, lock_kind kind, lock_key key) {
    if (facts.look_alike) {
        throw refused({.what = "this server's advisory locks exclude nobody (CockroachDB)",
                       .advice = "take the lock on a PostgreSQL server",
                       .key = key});
    }
    if (facts.standby) {
        throw refused({.what = "the server is a standby: its locks exclude nobody on the primary",
                       .sqlstate = std::string(sqlstate::read_only_or_standby),
                       .advice = "connect to the primary (target_session_attrs=read-write)",
                       .key = key});
    }
    if (facts.pooled && facts.token.empty() && !kind.ends_with_transaction) {
        throw refused(
            {.what = "the connection goes through a pooler, which may give this session's lock to another "
                     "client",
             .advice = "connect to the server directly, use scope::transaction, or, if the pooler is in "
                       "session mode, declare_session_pooler(session)",
             .key = key});
    }
}

} // namespace pglocks::postgres
