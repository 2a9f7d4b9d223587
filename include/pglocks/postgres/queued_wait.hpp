// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/call.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/interruptible.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stop_token>

namespace pglocks::postgres {

/// A wait in the server's queue that can end without the lock, sent as one pipeline: one round trip beyond
/// the wait.
///
/// Statements, by scope and by whether a transaction is open.
///
/// Session scope, none open: the transaction-level lock, then the session-level one, in one implicit
/// transaction. Only the first can wait, and an error drops it; the second is taken while owning the key, so
/// it never waits.
///
/// Session scope, one open: the same two inside a savepoint that is rolled back, which keeps a session lock
/// and restores `lock_timeout` and the transaction.
///
/// Transaction scope: the lock inside a savepoint, followed by a second savepoint of the same name. The
/// rollback then finds the first one after a failure and undoes it, and the second one after a success and
/// undoes nothing. A third around both is released in the end, so that there is no moment at which a cancel
/// could find no savepoint.
class queued_wait {
public:
    enum class end : std::uint8_t {
        acquired,  ///< the lock is held
        not_held,  ///< it ended with `failure()`, and nothing is held
        uncertain, ///< it ended with `failure()`, and the server may count one hold more
        switched,  ///< a pooler has led it to another backend, and nothing was asked for there
    };

    queued_wait(const connection_state& state, lock_kind kind, lock_key key, const deadline& until,
                const std::stop_token& stop)
        : state_(state),
          conn_(state.conn()),
          kind_(kind),
          key_(key),
          in_transaction_(PQtransactionStatus(conn_) == PQTRANS_INTRANS),
          until_(until),
          parameters_(key),
          reader_(conn_, until, stop, interruptible_reader::cancelling::at_once, state.patience()) {}

    /// Sends it all and reads all answers. *Throws*: `connection_lost`.
    [[nodiscard]] end run() {
        if (PQenterPipelineMode(conn_) == 0) {
            throw_failure({}, conn_, waiting, key_);
        }
        send();
        read();
        if (PQexitPipelineMode(conn_) == 0) {
            throw_failure({}, conn_, waiting, key_);
        }
        repair_transaction();
        if (switched_) {
            return end::switched;
        }
        if (acquired_) {
            return end::acquired;
        }
        return session_lock_failed_ ? end::uncertain : end::not_held;
    }

    /// The error that ended the wait.
    [[nodiscard]] const result& failure() const noexcept { return failure_; }
    /// A cancel of ours was sent.
    [[nodiscard]] bool cancelled() const noexcept { return reader_.cancelled(); }

    static constexpr std::string_view waiting = "waiting in the server's queue";

private:
    /// The meaning of a statement's answer.
    enum class step : std::uint8_t { opening, waiting, holding, keeping, synchronisation, closing };

    // A name that no user's savepoint has: rolling back to theirs would undo their work.
    static constexpr const char* savepoint = "savepoint \"pglocks queued wait\"";
    static constexpr const char* roll_back = "rollback to savepoint \"pglocks queued wait\"";
    static constexpr const char* outer = "savepoint \"pglocks queued wait, around\"";
    static constexpr const char* release_outer = "release savepoint \"pglocks queued wait, around\"";
    static constexpr const char* release = "release savepoint \"pglocks queued wait\"";

    void expect(step s, int sent) {
        if (sent == 0) {
            throw loss("the connection was lost while asking for the lock", key_, PQerrorMessage(conn_));
        }
        expected_[count_++] = s;
    }
    void plain(step s, const char* statement) {
        expect(s, PQsendQueryParams(conn_, statement, 0, nullptr, nullptr, nullptr, nullptr, 0));
    }
    void synchronise() { expect(step::synchronisation, PQpipelineSync(conn_)); }

    void lock_call(step s, bool bounded, bool at_transaction_level) {
        const lock_kind level{.ends_with_transaction = at_transaction_level, .shared = kind_.shared};
        const std::size_t function = function_index(operation::lock, level, key_.space());
        if (!bounded) {
            const std::array<const char*, 2> values{parameters_.first(), parameters_.second()};
            expect(s, PQsendQueryParams(conn_, state_.statement(calls[function].view()).c_str(),
                                        parameters_.count(), nullptr, values.data(), nullptr, nullptr, 0));
            return;
        }
        std::array<char, 16> milliseconds{};
        const int left = std::max(1, pglocks::detail::milliseconds_until(*until_)); // 0 would mean no timeout
        std::to_chars(milliseconds.data(), milliseconds.data() + milliseconds.size() - 1, left);
        const std::array<const char*, 3> values{milliseconds.data(), parameters_.first(),
                                                parameters_.second()};
        const auto statement = state_.statement(kind_.ends_with_transaction ? restoring_calls[function].view()
                                                                            : bounded_calls[function].view());
        expect(s, PQsendQueryParams(conn_, statement.c_str(), 1 + parameters_.count(), nullptr, values.data(),
                                    nullptr, nullptr, 0));
    }

    void send() {
        if (in_transaction_) {
            if (kind_.ends_with_transaction) {
                plain(step::opening, outer);
            }
            plain(step::opening, savepoint);
            PQsendFlushRequest(
                conn_); // a cancel may hit the wait, never the savepoint: its answer is awaited
        }
        lock_call(step::waiting, until_.has_value(), true);
        if (kind_.ends_with_transaction) {
            plain(step::keeping, savepoint);
        } else {
            lock_call(step::holding, false, false);
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
                throw_failure(r, conn_, waiting, key_);
            }
            if (expected_[i] == step::synchronisation) {
                continue;
            }
            const bool done = is_ok(r);
            if (is_out_of_step(r)) {
                throw_failure(r, conn_, waiting, key_);
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
                throw_failure(r, conn_, waiting, key_);
            }
        }
    }

    const connection_state& state_;
    PGconn* conn_;
    lock_kind kind_;
    lock_key key_;
    bool in_transaction_;
    bool acquired_ = false;
    bool session_lock_failed_ = false;
    bool switched_ = false;
    const deadline& until_;
    key_parameters parameters_;
    interruptible_reader reader_;
    result failure_;
    std::array<step, 8> expected_{};
    std::size_t count_ = 0;
};

} // namespace pglocks::postgres
