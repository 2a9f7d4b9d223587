// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/call.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/interruptible.hpp>
#include <pglocks/postgres/key_array.hpp>
#include <pglocks/postgres/parameters.hpp>
#include <pglocks/postgres/result.hpp>
#include <pglocks/postgres/server_link.hpp>
#include <pglocks/postgres/set_statements.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string_view>
#include <utility>

namespace pglocks::postgres {

/// What a wait for one key sends.
class key_wait {
public:
    key_wait(const server_link& link, lock_kind kind, lock_key key, const deadline& until)
        : kind_(kind),
          space_(key.space()),
          parameters_(key),
          waiting_(link.statement(until ? kind.ends_with_transaction
                                              ? restoring_call(waiting_function()).view()
                                              : bounded_call(waiting_function()).view()
                                        : plain_call(waiting_function()).view())) {
        if (until) {
            const int left = std::max(1, pglocks::detail::milliseconds_until(*until)); // 0: no timeout
            std::to_chars(milliseconds_.data(), milliseconds_.data() + milliseconds_.size() - 1, left);
        }
        if (!kind.ends_with_transaction) {
            holding_ = link.statement(plain_call(function_index(operation::lock, kind, space_)).view());
        }
    }

    [[nodiscard]] bool send_waiting(PGconn* conn) const noexcept {
        statement_parameters all;
        if (milliseconds_[0] != '\0') {
            all.values[static_cast<std::size_t>(all.count++)] = milliseconds_.data();
        }
        return send(conn, waiting_, all);
    }
    /// The lock that is taken while owning the key, so that it never waits.
    [[nodiscard]] bool has_holding() const noexcept { return !kind_.ends_with_transaction; }
    [[nodiscard]] bool send_holding(PGconn* conn) const noexcept { return send(conn, holding_, {}); }
    /// Whether nothing is held at session level after this error of the waiting statement.
    [[nodiscard]] static bool held_nothing(std::string_view /*state*/) noexcept { return true; }

private:
    [[nodiscard]] std::size_t waiting_function() const noexcept {
        return function_index(operation::lock, {.ends_with_transaction = true, .shared = kind_.shared},
                              space_);
    }
    [[nodiscard]] bool send(PGconn* conn, const sql_text<1024>& text,
                            statement_parameters all) const noexcept {
        all.values[static_cast<std::size_t>(all.count)] = parameters_.first();
        if (parameters_.count() > 1) {
            all.values[static_cast<std::size_t>(all.count) + 1] = parameters_.second();
        }
        all.count += parameters_.count();
        return all.send(conn, text.c_str());
    }

    lock_kind kind_;
    key_space space_;
    key_parameters parameters_;
    std::array<char, 16> milliseconds_{};
    sql_text<1024> waiting_;
    sql_text<1024> holding_;
};

/// What a wait for several keys sends: one statement, which the server has read to its end before it waits.
/// (What follows a large one could not be sent while it waits, and a stop would not be heard.)
class set_wait {
public:
    set_wait(const server_link& link, lock_kind kind, key_array& array, const deadline& until)
        : parameters_(array.parameters(until ? std::max(1, pglocks::detail::milliseconds_until(*until)) : 0)),
          waiting_(link.statement(wait_for_all(kind, until.has_value()))) {}

    [[nodiscard]] bool send_waiting(PGconn* conn) const noexcept {
        return parameters_.send(conn, waiting_.c_str());
    }
    [[nodiscard]] static bool has_holding() noexcept { return false; }
    [[nodiscard]] static bool send_holding(PGconn* /*conn*/) noexcept { return true; }
    /// Only the wait ends so, and the session locks come after it.
    [[nodiscard]] static bool held_nothing(std::string_view state) noexcept {
        return state == sqlstate::lock_not_available || state == sqlstate::deadlock_detected;
    }

private:
    statement_parameters parameters_;
    sql_text<1792> waiting_;
};

inline constexpr std::string_view queueing = "waiting in the server's queue";

/// A wait in the server's queue that can end without the lock, sent as one pipeline: one round trip beyond
/// the wait.
///
/// Statements, by scope and by whether a transaction is open.
///
/// Session scope, none open: the transaction-level lock, then the session-level one, in one implicit
/// transaction. Only the first can wait, and an error drops it; the second is taken while owning the key, so
/// it never waits. (For several keys, both are one statement.)
///
/// Session scope, one open: the same inside a savepoint that is rolled back, which keeps a session lock
/// and restores `lock_timeout` and the transaction.
///
/// Transaction scope: the lock inside a savepoint, followed by a second savepoint of the same name. The
/// rollback then finds the first one after a failure and undoes it, and the second one after a success and
/// undoes nothing. A third around both is released in the end, so that there is no moment at which a cancel
/// could find no savepoint.
template <class Statements>
class queued_wait {
public:
    enum class end : std::uint8_t {
        acquired,  ///< the lock is held
        not_held,  ///< it ended with `failure()`, and nothing is held
        uncertain, ///< it ended with `failure()`, and the server may count one hold more
        switched,  ///< a pooler has led it to another backend, and nothing was asked for there
    };

    /// \param statements what it sends; `key` is for messages
    queued_wait(const connection_state& state, lock_kind kind, const Statements& statements, lock_key key,
                const deadline& until, const std::stop_token& stop)
        : conn_(state.conn()),
          kind_(kind),
          key_(key),
          in_transaction_(PQtransactionStatus(conn_) == PQTRANS_INTRANS),
          statements_(statements),
          reader_(conn_, until, stop, interruptible_reader::cancelling::at_once, state.patience()) {}

    /// Sends it all and reads all answers. *Throws*: `connection_lost`.
    [[nodiscard]] end run() {
        if (PQenterPipelineMode(conn_) == 0) {
            throw_failure({}, conn_, queueing, key_);
        }
        send();
        read();
        if (PQexitPipelineMode(conn_) == 0) {
            throw_failure({}, conn_, queueing, key_);
        }
        repair_transaction();
        if (switched_) {
            return end::switched;
        }
        if (acquired_) {
            return end::acquired;
        }
        return session_lock_failed_ || !statements_.held_nothing(sqlstate_of(failure_)) ? end::uncertain
                                                                                        : end::not_held;
    }

    /// The error that ended the wait.
    [[nodiscard]] const result& failure() const noexcept { return failure_; }
    /// A cancel of ours was sent.
    [[nodiscard]] bool cancelled() const noexcept { return reader_.cancelled(); }

private:
    /// The meaning of a statement's answer.
    enum class step : std::uint8_t { opening, waiting, holding, keeping, synchronisation, closing };

    // A name that no user's savepoint has: rolling back to theirs would undo their work.
    static constexpr const char* savepoint = "savepoint \"pglocks queued wait\"";
    static constexpr const char* roll_back = "rollback to savepoint \"pglocks queued wait\"";
    static constexpr const char* outer = "savepoint \"pglocks queued wait, around\"";
    static constexpr const char* release_outer = "release savepoint \"pglocks queued wait, around\"";
    static constexpr const char* release = "release savepoint \"pglocks queued wait\"";

    void expect(step s, bool was_sent) {
        if (!was_sent) {
            throw loss("the connection was lost while asking for the lock", key_, PQerrorMessage(conn_));
        }
        expected_[count_++] = s;
    }
    void plain(step s, const char* statement) { expect(s, statement_parameters().send(conn_, statement)); }
    void synchronise() { expect(step::synchronisation, PQpipelineSync(conn_) != 0); }

    void send() {
        if (in_transaction_) {
            if (kind_.ends_with_transaction) {
                plain(step::opening, outer);
            }
            plain(step::opening, savepoint);
            PQsendFlushRequest(
                conn_); // a cancel may hit the wait, never the savepoint: its answer is awaited
        }
        expect(step::waiting, statements_.send_waiting(conn_));
        if (kind_.ends_with_transaction) {
            plain(step::keeping, savepoint);
        } else if (statements_.has_holding()) {
            expect(step::holding, statements_.send_holding(conn_));
        }
        synchronise(); // what follows is done whatever has failed before
        if (in_transaction_) {
            plain(step::closing, roll_back);
            plain(step::closing, last_release());
            synchronise();
        }
    }

    [[nodiscard]] const char* last_release() const noexcept {
        return kind_.ends_with_transaction ? release_outer : release;
    }

    void read() {
        bool all_done = true;
        for (std::size_t i = 0; i < count_; ++i) {
            const bool may_cancel = expected_[i] != step::opening;
            result r = reader_.next(key_, may_cancel);
            if (!r || PQstatus(conn_) != CONNECTION_OK) {
                throw_failure(r, conn_, queueing, key_);
            }
            if (expected_[i] == step::synchronisation) {
                continue;
            }
            const bool done = is_ok(r);
            if (is_out_of_step(r)) {
                throw_failure(r, conn_, queueing, key_);
            }
            if (done && (expected_[i] == step::waiting || expected_[i] == step::holding) &&
                PQntuples(r.get()) == 1 && PQgetisnull(r.get(), 0, 0) != 0) {
                switched_ = true;
            }
            if (expected_[i] != step::closing) {
                all_done = all_done && done;
            }
            if (!done && PQresultStatus(r.get()) == PGRES_FATAL_ERROR) {
                session_lock_failed_ = session_lock_failed_ || expected_[i] == step::holding;
                if (!failure_) {
                    failure_ = std::move(r);
                }
            }
            while (reader_.next(key_, may_cancel)) {
            } // each statement's results end with a null
        }
        acquired_ = all_done;
    }

    /// A cancel that came late may have hit the clean-up of the savepoint.
    void repair_transaction() {
        if (!in_transaction_ || PQtransactionStatus(conn_) == PQTRANS_INTRANS) {
            return;
        }
        for (const char* statement : {roll_back, last_release()}) {
            const result r = reader_.run(statement, key_);
            if (is_out_of_step(r)) {
                throw_failure(r, conn_, queueing, key_);
            }
        }
    }

    PGconn* conn_;
    lock_kind kind_;
    lock_key key_;
    bool in_transaction_;
    bool acquired_ = false;
    bool session_lock_failed_ = false;
    bool switched_ = false;
    const Statements& statements_;
    interruptible_reader reader_;
    result failure_;
    std::array<step, 8> expected_{};
    std::size_t count_ = 0;
};

} // namespace pglocks::postgres
