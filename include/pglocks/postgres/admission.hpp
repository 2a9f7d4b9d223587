// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <string>
#include <string_view>

namespace pglocks::postgres {

/// Whether the connection takes a lock of this kind now.
[[nodiscard]] inline bool is_ready(const PGconn* conn, lock_kind kind) noexcept {
    const auto transaction = PQtransactionStatus(conn); // unknown if the connection is lost
    return PQpipelineStatus(conn) == PQ_PIPELINE_OFF &&
           (transaction == PQTRANS_INTRANS || (transaction == PQTRANS_IDLE && !kind.ends_with_transaction));
}

/// Throws `refused` or `connection_lost` unless the connection `is_ready()`. Sends nothing.
inline void refuse_unready_connection(connection_state& state, lock_kind kind, lock_key key) {
    PGconn* const conn = state.conn();
    const auto refuse_busy = [key](std::string_view how) {
        throw refused({.what = "the connection is busy: it " + std::string(how),
                       .advice = "finish that first, or take the lock on another session",
                       .key = key});
    };
    if (PQstatus(conn) != CONNECTION_OK) {
        throw loss("the connection is lost", key, PQerrorMessage(conn));
    }
    if (PQpipelineStatus(conn) != PQ_PIPELINE_OFF) {
        refuse_busy("is in pipeline mode");
    }
    switch (PQtransactionStatus(conn)) {
    case PQTRANS_IDLE:
        if (kind.ends_with_transaction) {
            throw refused({.what = "no transaction is open, so the server would release the lock at once",
                           .sqlstate = std::string(sqlstate::no_active_transaction),
                           .advice = "begin a transaction first, or use scope::session",
                           .key = key});
        }
        break;
    case PQTRANS_INTRANS:
        break;
    case PQTRANS_INERROR:
        throw refused({.what = "the transaction has failed, so no lock can be taken in it",
                       .sqlstate = std::string(sqlstate::failed_transaction),
                       .advice = "roll it back first",
                       .key = key});
    case PQTRANS_ACTIVE:
        if (state.hung_up()) {
            throw loss("the connection is lost", key);
        }
        refuse_busy("has rows that are not read yet, or a COPY under way");
        break;
    default:
        throw loss("the connection is lost", key, PQerrorMessage(conn));
    }
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

/// Sends the pending releases and asks what server this is, if that is to be done; then throws as the two
/// above. *Throws*: `connection_lost`, too.
/// \param reader bounds how long the answers may take; without one, they are waited for
inline void admit(connection_state& state, lock_kind kind, lock_key key, interruptible_reader* reader) {
    state.send_pending(reader);
    if (!state.alive()) {
        throw loss("the connection is lost", key);
    }
    if (state.wants_facts()) {
        state.forget_facts();
    }
    refuse_unsuitable_server(state.facts(key, reader), kind, key);
}

} // namespace pglocks::postgres
