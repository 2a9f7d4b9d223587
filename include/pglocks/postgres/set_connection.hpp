// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/error.hpp>
#include <pglocks/postgres/key_array.hpp>
#include <pglocks/postgres/lock_session.hpp>
#include <pglocks/postgres/queued_wait.hpp>
#include <pglocks/postgres/set_statements.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace pglocks::postgres {

/// A session's connection as sets of locks see it: as `connection`, for many keys at once. No key is no call.
class set_connection : public lock_session {
public:
    using lock_session::lock_session;

    void admit(lock_kind kind, lock_keys keys, const deadline& until, const std::stop_token& stop) {
        if (keys.empty()) {
            return;
        }
        if (keys.size() > key_array::most) {
            throw refused({.what = "a set of " + std::to_string(keys.size()) + " keys is too large",
                           .advice = "at most " + std::to_string(key_array::most) +
                                     " keys fit into a message; one lock that stands for all of them is "
                                     "quicker"});
        }
        ask_admission(kind, keys.front(), until, stop);
        if (!kind.ends_with_transaction) {
            state_->holds().reserve(keys.size());
        }
    }

    [[nodiscard]] bool attempt(lock_kind kind, lock_keys keys, const deadline& until,
                               const std::stop_token& stop) {
        if (keys.empty()) {
            return true;
        }
        if (kind.ends_with_transaction) {
            return attempt_in_savepoint(kind, keys, until, stop);
        }
        if (state_->has_pending() && take_back_all(kind, keys)) {
            return true;
        }
        const lock_key first = keys.front();
        const bool in_transaction = PQtransactionStatus(state_->conn()) == PQTRANS_INTRANS;
        key_array array(keys);
        using cancelling = interruptible_reader::cancelling;
        interruptible_reader reader(state_->conn(), until, stop,
                                    in_transaction ? cancelling::late : cancelling::soon, state_->patience());
        const auto statement = state_->statement(try_all(kind));
        const answer a = or_lose_connection(trying, first, [&] {
            return answer_of(reader.run(statement.c_str(), first, true, array.parameters()));
        });
        if (!a.ok && reader.cancelled() && sqlstate_of(a.reply) == sqlstate::query_canceled &&
            !in_transaction) {
            clean_up_or_lose(kind, keys);
            return false;
        }
        return are_granted(a, kind, keys);
    }

    [[nodiscard]] outcome queue(lock_kind kind, lock_keys keys, const deadline& until,
                                const std::stop_token& stop) {
        if (keys.empty() ||
            (state_->has_pending() && !kind.ends_with_transaction && take_back_all(kind, keys))) {
            return outcome::acquired;
        }
        key_array array(keys);
        return queue_interruptibly(kind, keys, until, stop,
                                   [&] { return set_wait(*state_, kind, array, until); });
    }

    void adopt(lock_kind kind, lock_keys keys) {
        if (keys.empty()) {
            return;
        }
        state_->holds().for_each_made(keys, kind.shared, [](hold& h) {
            h.disowned -= h.disowned > 0 ? 1 : 0;
            ++h.owned;
        });
    }

    void disown(lock_kind kind, lock_keys keys) noexcept {
        if (!alive()) {
            return;
        }
        state_->holds().for_each_known(keys, kind.shared, [](hold& h) {
            if (h.owned > 0) {
                --h.owned;
                ++h.disowned;
            }
        });
    }

    /// Gives one hold of each key back. If one was not held, `missing()` says which, the first of them.
    [[nodiscard]] release_result release(lock_kind kind, lock_keys keys, std::string_view /*name*/) noexcept {
        if (!alive()) {
            return lost();
        }
        if (keys.empty()) {
            return release_result::released;
        }
        if (kind.ends_with_transaction) { // the transaction's end releases them, and nothing else
            return release_result::pending;
        }
        std::size_t owned = 0;
        state_->holds().for_each_known(keys, kind.shared, [&](hold& h) {
            if (h.owned > 0) {
                --h.owned;
                ++h.surplus;
                ++owned;
            }
        });
        if (!state_->can_send()) {
            state_->expect_release_later();
            return release_result::pending;
        }
        const release_result end =
            state_->settle_all([&](const hold& h) { return h.shared == kind.shared && h.wants_release(); });
        if (end == release_result::lost) {
            return lost();
        }
        missing_.reset();
        state_->holds().for_each_known(keys, kind.shared, [&](hold& h) {
            if (std::exchange(h.missing, false) && !missing_) {
                missing_ = h.key;
            }
        });
        state_->report_missing();
        if (!missing_ && owned < keys.size()) { // DISCARD ALL and its like, behind our back
            missing_ = keys.front();
        }
        return missing_ ? release_result::not_held : end;
    }

    /// The key that was not held, after a release that says so.
    [[nodiscard]] lock_key missing() const noexcept { return missing_.value_or(lock_key(0)); }

    /// A release of one of the keys has yet to be sent.
    [[nodiscard]] bool pending(lock_kind kind, lock_keys keys) const noexcept {
        bool any = false;
        if (alive()) {
            state_->holds().for_each_known(keys, kind.shared,
                                           [&](const hold& h) { any = any || h.wants_release(); });
        }
        return any;
    }

private:
    static constexpr const char* savepoint = "savepoint \"pglocks try\"";
    static constexpr const char* undo =
        "rollback to savepoint \"pglocks try\"; release savepoint \"pglocks try\"";
    static constexpr const char* release_savepoint = "release savepoint \"pglocks try\"";

    /// All keys are still held, since their releases are pending: these are taken back. No round trip.
    bool take_back_all(lock_kind kind, lock_keys keys) {
        std::size_t held = 0;
        state_->holds().for_each_known(keys, kind.shared, [&](const hold& h) {
            held += h.surplus > 0 && (!h.uncertain || h.owned > 0) ? 1U : 0U;
        });
        if (held < keys.size()) {
            return false;
        }
        if (hung_up()) {
            throw loss("the connection is lost", keys.front());
        }
        state_->holds().for_each_known(keys, kind.shared, [](hold& h) {
            --h.surplus;
            ++h.owned;
        });
        return true;
    }

    /// Looks at the answer to a try, and counts what was granted.
    [[nodiscard]] bool are_granted(const answer& a, lock_kind kind, lock_keys keys) {
        if (!a.ok) {
            fail(a.reply, kind, keys, trying, true);
        }
        if (a.switched) {
            tell_of_switch(keys.front());
        }
        if (a.yes) {
            count(kind, keys);
        }
        return a.yes;
    }

    /// A try at transaction scope, where nothing can be unlocked: what was taken in vain goes with a
    /// savepoint. Two round trips. After an error the transaction is as it was before.
    [[nodiscard]] bool attempt_in_savepoint(lock_kind kind, lock_keys keys, const deadline& until,
                                            const std::stop_token& stop) {
        const lock_key first = keys.front();
        key_array array(keys);
        const auto statement = state_->statement(try_all(kind));
        PGconn* const conn = state_->conn();
        interruptible_reader reader(conn, until, stop, interruptible_reader::cancelling::late,
                                    state_->patience());
        answer a = or_lose_connection(trying, first, [&] {
            reader.asks();
            if (PQenterPipelineMode(conn) == 0 || !statement_parameters().send(conn, savepoint) ||
                PQsendFlushRequest(conn) == 0 || !array.parameters().send(conn, statement.c_str()) ||
                PQpipelineSync(conn) == 0) {
                throw_failure({}, conn, trying, first);
            }
            result opened = read(reader, first, false);
            answer tried = answer_of(read(reader, first, true));
            const result synchronised = read(reader, first, true);
            if (PQexitPipelineMode(conn) == 0) {
                throw_failure({}, conn, trying, first);
            }
            if (!is_ok(opened)) {
                tried.reply = std::move(opened);
            }
            result ended = reader.run_script(tried.yes ? release_savepoint : undo, first);
            if (!is_ok(ended)) { // a cancel from outside has hit it
                const result undone = reader.run_script(undo, first);
                if (tried.ok) {
                    tried = {.reply = std::move(ended)};
                }
            }
            return tried;
        });
        return are_granted(a, kind, keys);
    }

    /// The result of one statement of a pipeline, with its end.
    [[nodiscard]] static result read(interruptible_reader& reader, lock_key key, bool may_cancel) {
        result r = reader.next(key, may_cancel);
        if (PQresultStatus(r.get()) != PGRES_PIPELINE_SYNC) {
            while (reader.next(key, may_cancel)) {
            }
        }
        return r;
    }

    std::optional<lock_key> missing_;
};
static_assert(lock_connection<set_connection, lock_keys>);

} // namespace pglocks::postgres
