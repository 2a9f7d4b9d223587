// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

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

/// Why nothing more can be expected of a connection. `state` is the server's SQLSTATE, if it said one.
[[nodiscard]] inline connection_lost loss(std::string what, const std::optional<lock_key>& key,
                                          std::string_view message = {},
                                          std::string_view state = sqlstate::connection_failure) {
    while (message.ends_with('\n')) {
        message.remove_suffix(1);
    }
    return connection_lost({.what = std::move(what),
                            .sqlstate = std::string(state.empty() ? sqlstate::connection_failure : state),
                            .message = std::string(message),
                            .advice =
                                "every lock of this session is gone with its backend: stop the work they "
                                "protected, reconnect and acquire again",
                            .key = key});
}

/// A pooler has led a statement to a backend that is another session's.
[[nodiscard]] inline connection_lost backend_was_switched(lock_key key) {
    return connection_lost(
        {.what =
             "the pooler has switched the backend under this session: it is not in session mode, or a RESET "
             "ALL has removed the mark",
         .sqlstate = std::string(sqlstate::connection_failure),
         .advice =
             "count every lock of this session as lost (the old backend may hold them on), and connect to "
             "the server directly, or use scope::transaction",
         .key = key});
}

/// Makes a connection known as lost, to libpq and to the server, whose answers cannot be read any more.
inline void lose(PGconn* conn) noexcept {
    ::shutdown(PQsocket(conn), SHUT_RDWR);
    while (PQstatus(conn) == CONNECTION_OK && PQconsumeInput(conn) != 0) {
    }
}

/// Whether libpq itself made this error, out of memory for instance: the server's answer may be on its way
/// still, and would be taken for the answer to the next statement.
[[nodiscard]] inline bool is_out_of_step(const result& r) noexcept {
    const auto status = PQresultStatus(r.get());
    return (!r || status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) && sqlstate_of(r).empty();
}

/// What is being done, in the error of a release.
inline constexpr std::string_view releasing = "releasing";

/// Throws what a failed statement of ours means. *Requires*: the statement failed.
[[noreturn]] inline void throw_failure(const result& r, PGconn* conn, std::string_view doing,
                                       const std::optional<lock_key>& key = {}) {
    const std::string_view state = sqlstate_of(r);
    if (is_out_of_step(r) || PQstatus(conn) != CONNECTION_OK) {
        const std::string_view last_words = error_field(r, PG_DIAG_MESSAGE_PRIMARY);
        const std::string message = state.empty() ? PQerrorMessage(conn) : std::string(last_words);
        lose(conn);
        throw loss("the connection was lost while " + std::string(doing), key, message, state);
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
    const bool in_transaction = PQtransactionStatus(conn) != PQTRANS_IDLE;
    if (state == sqlstate::deadlock_detected) {
        f.what = "deadlock detected while " + std::string(doing);
        f.advice =
            in_transaction
                ? "roll back, which also sends the pending releases that the other session may wait for; "
                  "then retry all of it"
                : "the other session waits on for the locks this session still holds: release them, then "
                  "retry, taking locks in one order everywhere";
        throw deadlock_detected(std::move(f));
    }
    // The server runs out of other memory under the same SQLSTATE; a setting's name is not translated.
    if (state == sqlstate::out_of_memory && f.advice.find("max_locks_per_transaction") != std::string::npos) {
        f.what = "the server's lock table is full while " + std::string(doing);
        f.advice = "release locks, take fewer at once, or raise max_locks_per_transaction and restart the "
                   "server: times (max_connections + max_prepared_transactions), it is what all sessions "
                   "together can count on";
        throw lock_table_full(std::move(f));
    }
    if (state == sqlstate::query_canceled) {
        f.advice = doing == releasing
                       ? "the lock is still held: it is released by the next use of a lock on this session, "
                         "or when the transaction has ended"
                       : "somebody cancelled the statement, or statement_timeout is shorter than the wait: "
                         "the lock is not held";
    }
    if (state == sqlstate::lock_not_available) {
        f.advice = "lock_timeout of this session is shorter than the wait: raise it, or bound the wait with "
                   "wait::timeout";
    }
    if (state == sqlstate::insufficient_privilege) {
        f.advice = "grant this role EXECUTE on PostgreSQL's advisory lock functions again";
    }
    if (failed) {
        f.advice += f.advice.empty() ? "roll the transaction back" : "; roll the transaction back";
    }
    throw lock_error(std::move(f));
}

} // namespace pglocks::postgres
