// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/call.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/lock_session.hpp>
#include <pglocks/postgres/queued_wait.hpp>

#include <libpq-fe.h>

#include <stop_token>
#include <string_view>

namespace pglocks::postgres {

/// A session's connection as locks of one key see it. Models `pglocks::lock_connection`.
class connection : public lock_session {
public:
    using lock_session::lock_session;

    [[gnu::always_inline]] void admit(lock_kind kind, lock_key key, const deadline& until,
                                      const std::stop_token& stop) {
        ask_admission(kind, key, until, stop);
        if (!kind.ends_with_transaction) {
            state_->holds().reserve_one();
        }
    }

    [[nodiscard]] bool attempt(lock_kind kind, lock_key key, const deadline& until,
                               const std::stop_token& stop) {
        connection_state& state = *state_;
        if (state.has_pending() && !kind.ends_with_transaction && take_back(kind, key)) {
            return true;
        }
        return is_bounded(until, stop) ? attempt_within(kind, key, until, stop)
                                       : is_granted(state.call(operation::try_lock, kind, key), kind, key);
    }
    [[nodiscard]] outcome queue(lock_kind kind, lock_key key, const deadline& until,
                                const std::stop_token& stop) {
        if (!is_bounded(until, stop)) {
            return queue_until_granted(kind, key);
        }
        return queue_interruptibly(kind, {&key, 1}, until, stop,
                                   [&] { return key_wait(*state_, kind, key, until); });
    }

    void adopt(lock_kind kind, lock_key key) noexcept {
        hold& h = state_->holds().at(key, kind.shared);
        if (h.disowned > 0) {
            --h.disowned;
        }
        ++h.owned;
    }

    void disown(lock_kind kind, lock_key key) noexcept {
        hold* const h = alive() ? state_->holds().find(key, kind.shared) : nullptr;
        if (!h || h->owned == 0) {
            return;
        }
        --h->owned;
        ++h->disowned;
    }

    [[nodiscard]] release_result release(lock_kind kind, lock_key key, std::string_view name) noexcept {
        if (kind.ends_with_transaction || !state_ || !state_->conn() || !state_->can_send()) {
            return release_later(kind, key);
        }
        hold* const h = give_up(kind, key);
        const release_result end = h ? state_->settle(*h, name) : release_result::not_held;
        return end == release_result::lost ? lost() : end;
    }

    [[nodiscard]] bool pending(lock_kind kind, lock_key key) const noexcept {
        if (!alive()) {
            return false;
        }
        const hold* const h = state_->holds().find(key, kind.shared);
        return h && h->wants_release();
    }

private:
    [[nodiscard]] bool attempt_within(lock_kind kind, lock_key key, const deadline& until,
                                      const std::stop_token& stop) {
        const bool in_transaction = PQtransactionStatus(state_->conn()) == PQTRANS_INTRANS;
        using cancelling = interruptible_reader::cancelling; // which fails the user's transaction
        interruptible_reader reader(state_->conn(), until, stop,
                                    in_transaction ? cancelling::late : cancelling::soon, state_->patience());
        const answer a = or_lose_connection(
            trying, key, [&] { return state_->call(operation::try_lock, kind, key, reader, true); });
        if (!a.ok && reader.cancelled() && sqlstate_of(a.reply) == sqlstate::query_canceled &&
            !in_transaction) {
            clean_up_or_lose(kind, {&key, 1});
            return false;
        }
        return is_granted(a, kind, key);
    }

    /// The hold of which a lock has given up its part; none if it has no part.
    [[nodiscard]] hold* give_up(lock_kind kind, lock_key key) noexcept {
        hold* const h = state_->holds().find(key, kind.shared);
        if (!h || h->owned == 0) {
            return nullptr;
        }
        --h->owned;
        ++h->surplus;
        return h;
    }

    /// What cannot be sent now.
    [[nodiscard, gnu::noinline]] release_result release_later(lock_kind kind, lock_key key) noexcept {
        if (!alive()) {
            return lost();
        }
        if (kind.ends_with_transaction) { // the transaction's end releases it, and nothing else
            return release_result::pending;
        }
        if (!give_up(kind, key)) {
            return release_result::not_held;
        }
        state_->expect_release_later();
        return release_result::pending;
    }

    /// A release that is still pending is taken back: the session holds the lock all the time. No round trip.
    bool take_back(lock_kind kind, lock_key key) {
        hold* const h = state_->holds().find(key, kind.shared);
        if (!h || h->surplus == 0 || (h->uncertain && h->owned == 0)) {
            return false;
        }
        if (hung_up()) {
            throw loss("the connection is lost", key);
        }
        --h->surplus;
        ++h->owned;
        return true;
    }

    void count(lock_kind kind, lock_key key) noexcept {
        if (!kind.ends_with_transaction) {
            ++state_->holds().at(key, kind.shared).owned;
        }
    }

    /// The plain wait: nobody will interrupt it. Sent as a query, so that it can be seen in
    /// `pg_stat_activity`.
    [[nodiscard]] outcome queue_until_granted(lock_kind kind, lock_key key) {
        const auto function = function_index(operation::lock, kind, key.space());
        const answer a =
            call_by_query(state_->conn(), state_->statement(plain_call(function).view()).c_str(), key);
        if (!a.ok) {
            fail(a.reply, kind, {&key, 1}, queueing, true);
        }
        if (a.switched) {
            tell_of_switch(key);
        }
        count(kind, key);
        return outcome::acquired;
    }

    /// Looks at the answer to a try, and counts what was granted.
    [[nodiscard, gnu::always_inline]] bool is_granted(const answer& a, lock_kind kind, lock_key key) {
        if (a.yes) {
            count(kind, key);
            return true;
        }
        if (!a.ok) {
            fail(a.reply, kind, {&key, 1}, trying, true);
        }
        if (a.switched) {
            tell_of_switch(key);
        }
        return false;
    }
};
static_assert(lock_connection<connection>);

} // namespace pglocks::postgres
