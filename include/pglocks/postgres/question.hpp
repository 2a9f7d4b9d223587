// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/inspect/not_permitted.hpp>
#include <pglocks/postgres/libpq_connection.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>
#include <soci/soci.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pglocks::postgres {

/// What a question is about, for its errors.
struct subject {
    std::string_view doing; ///< `inspecting advisory locks`
    std::string_view needs; ///< what a role must be given that is not permitted to
    std::optional<lock_key> key{};
};

/// Throws `refused` or `connection_lost` unless a statement can be sent. Sends nothing.
inline void refuse_question(PGconn* conn, const subject& about) {
    const auto refuse = [&](std::string_view what, std::string_view state, std::string_view advice) {
        throw refused({.what = std::string(what),
                       .sqlstate = std::string(state),
                       .advice = std::string(advice),
                       .key = about.key});
    };
    const auto transaction = PQtransactionStatus(conn);
    if (PQstatus(conn) != CONNECTION_OK || transaction == PQTRANS_UNKNOWN) {
        throw loss("the connection is lost", about.key, PQerrorMessage(conn));
    }
    if (transaction == PQTRANS_INERROR) {
        refuse("the transaction has failed, so the server answers no question in it",
               sqlstate::failed_transaction, "ask on another session, or roll back first");
    }
    if (transaction == PQTRANS_ACTIVE || PQpipelineStatus(conn) != PQ_PIPELINE_OFF) {
        refuse("the connection is busy: it is in pipeline mode, has rows that are not read yet, or a COPY "
               "under way",
               "", "finish that first, or ask on another session");
    }
}

/// Asks the server something that is no lock; one round trip. Null parameters are SQL's null.
///
/// *Throws*: `refused`, `connection_lost`, `not_permitted`, or another `lock_error`.
template <std::size_t N>
[[nodiscard]] result ask(soci::session& session, const std::string& statement,
                         const std::array<std::optional<std::string>, N>& parameters, const subject& about) {
    PGconn* const conn = libpq_connection(session);
    refuse_question(conn, about);
    std::array<const char*, N> values{};
    for (std::size_t i = 0; i < N; ++i) {
        values[i] = parameters[i] ? parameters[i]->c_str() : nullptr;
    }
    result r(PQexecParams(conn, statement.c_str(), static_cast<int>(N), nullptr, values.data(), nullptr,
                          nullptr, 0));
    if (sqlstate_of(r) == sqlstate::insufficient_privilege) {
        throw not_permitted({.what = "not permitted, " + std::string(about.doing),
                             .sqlstate = std::string(sqlstate::insufficient_privilege),
                             .message = std::string(error_field(r, PG_DIAG_MESSAGE_PRIMARY)),
                             .advice = std::string(about.needs),
                             .key = about.key});
    }
    if (PQresultStatus(r.get()) != PGRES_TUPLES_OK) {
        throw_failure(r, conn, about.doing, about.key);
    }
    return r;
}

} // namespace pglocks::postgres
