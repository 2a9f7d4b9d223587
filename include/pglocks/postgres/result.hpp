// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

namespace pglocks::postgres {

struct clear_result {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using result = std::unique_ptr<PGresult, clear_result>;

[[nodiscard]] inline bool is_ok(const result& r) noexcept {
    const auto status = PQresultStatus(r.get());
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/// A field of the error in a result, without the line end; empty if there is none.
[[nodiscard]] inline std::string_view error_field(const result& r, int field) noexcept {
    const char* const text = r ? PQresultErrorField(r.get(), field) : nullptr;
    return text ? std::string_view(text) : std::string_view();
}

[[nodiscard]] inline std::string_view sqlstate_of(const result& r) noexcept {
    return error_field(r, PG_DIAG_SQLSTATE);
}

// The conditions that are told apart (manual, appendix A).
namespace sqlstate {
inline constexpr std::string_view deadlock_detected = "40P01";
inline constexpr std::string_view lock_not_available = "55P03";
inline constexpr std::string_view query_canceled = "57014";
inline constexpr std::string_view out_of_memory = "53200";
inline constexpr std::string_view insufficient_privilege = "42501";
inline constexpr std::string_view no_active_transaction = "25P01";
inline constexpr std::string_view failed_transaction = "25P02";
inline constexpr std::string_view read_only_or_standby = "25006";
inline constexpr std::string_view connection_failure = "08006";
} // namespace sqlstate

/// Why nothing more can be expected of a connection.
[[nodiscard]] inline connection_lost loss(std::string what, lock_key key, std::string_view message = {}) {
    while (message.ends_with('\n')) {
        message.remove_suffix(1);
    }
    return connection_lost({.what = std::move(what),
                            .sqlstate = std::string(sqlstate::connection_failure),
                            .message = std::string(message),
                            .advice =
                                "every lock of this session is gone with its backend: stop the work they "
                                "protected, reconnect and acquire again",
                            .key = key});
}

/// Throws what a failed statement of ours means. *Requires*: the statement failed.
[[noreturn]] inline void throw_failure(const result& r, PGconn* conn, std::string_view doing, lock_key key) {
    const std::string_view state = sqlstate_of(r);
    if (PQstatus(conn) != CONNECTION_OK) {
        throw loss("the connection was lost while " + std::string(doing), key, PQerrorMessage(conn));
    }
    failure f{.what = "error while " + std::string(doing),
              .sqlstate = std::string(state),
              .message = std::string(error_field(r, PG_DIAG_MESSAGE_PRIMARY)),
              .detail = std::string(error_field(r, PG_DIAG_MESSAGE_DETAIL)),
              .advice = std::string(error_field(r, PG_DIAG_MESSAGE_HINT)),
              .key = key};
    if (f.message.empty()) {
        f.message = PQerrorMessage(conn);
    }
    const bool failed = PQtransactionStatus(conn) == PQTRANS_INERROR;
    if (state == sqlstate::deadlock_detected) {
        f.what = "deadlock detected while " + std::string(doing);
        f.advice =
            failed ? "roll back, which also sends the pending releases that the other session may wait for; "
                     "then retry all of it"
                   : "the other session waits on for the locks this session still holds: release them, then "
                     "retry, taking locks in one order everywhere";
        throw deadlock_detected(std::move(f));
    }
    if (state == sqlstate::out_of_memory) {
        f.what = "the server's lock table is full while " + std::string(doing);
        f.advice = "release locks, or raise max_locks_per_transaction and restart the server";
        throw lock_table_full(std::move(f));
    }
    if (state == sqlstate::query_canceled) {
        f.advice = "somebody cancelled the statement, or statement_timeout is shorter than the wait: "
                   "the lock is not held";
    }
    if (failed) {
        f.advice += f.advice.empty() ? "roll the transaction back" : "; roll the transaction back";
    }
    throw lock_error(std::move(f));
}

} // namespace pglocks::postgres
