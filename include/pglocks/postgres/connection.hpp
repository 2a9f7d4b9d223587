// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/admission.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/libpq_connection.hpp>
#include <pglocks/postgres/queued_wait.hpp>

#include <libpq-fe.h>
#include <soci/soci.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>

namespace pglocks::postgres {

/// A session's connection as locks see it. Models `pglocks::lock_connection`.
///
/// Acquiring reads the session; everything else uses the state of the connection alone, so that a lock may
/// outlive its session.
class connection {
public:
    using session_type = soci::session;

    connection() noexcept = default;
    explicit connection(soci::session& session) { use(session); }

    void use(soci::session& session) {
        const auto* const backend = session.get_backend();
        // A backend that ends, or connects anew, ends its connection, and with it the state's.
        if (!state_ || state_->owner() != backend || !state_->conn()) {
            state_ = connection_state::of(libpq_connection(session));
            state_->belongs_to(backend);
        }
    }

    void admit(lock_kind kind, lock_key key, const deadline& until, const std::stop_token& stop) {
        connection_state& state = *state_;
        if (!is_ready(state.conn(), kind)) {
            refuse_unready_connection(state, kind, key);
        }
        if (!state.is_plain() || state.has_pending()) {
            admit_with_care(kind, key, until, stop);
        }
        if (!kind.ends_with_transaction) {
            state.holds().reserve_one();
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
        for (;;) {
            if (stop.stop_requested()) {
                return outcome::stopped;
            }
            if (pglocks::detail::has_expired(until)) {
                return outcome::expired;
            }
            queued_wait wait(*state_, kind, key, until, stop);
            const auto end = or_lose_connection(queued_wait::waiting, key, [&] { return wait.run(); });
            if (end == queued_wait::end::acquired) {
                count(kind, key);
                return outcome::acquired;
            }
            if (end == queued_wait::end::switched) {
                tell_of_switch(key);
            }
            const auto state = sqlstate_of(wait.failure());
            const bool ours = (state == sqlstate::lock_not_available && until) ||
                              (state == sqlstate::query_canceled && wait.cancelled());
            if (!ours || PQtransactionStatus(state_->conn()) == PQTRANS_INERROR) {
                fail(wait.failure(), kind, key, queued_wait::waiting, end == queued_wait::end::uncertain);
            }
            if (end == queued_wait::end::uncertain) {
                clean_up_or_lose(kind, key);
            }
            // Neither stopped nor expired: lock_timeout's longest was not long enough.
        }
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

    [[nodiscard]] bool alive() const noexcept { return state_ && state_->alive(); }

    [[nodiscard]] bool hung_up() const noexcept { return !state_ || state_->hung_up(); }

    [[nodiscard]] bool pending(lock_kind kind, lock_key key) const noexcept {
        if (!alive()) {
            return false;
        }
        const hold* const h = state_->holds().find(key, kind.shared);
        return h && h->wants_release();
    }

    [[nodiscard]] int backend_pid() const noexcept { return alive() ? state_->backend_pid() : 0; }

    /// Sends the pending releases if they can be sent; whether none is left.
    bool release_pending() noexcept {
        if (!alive()) {
            return true;
        }
        state_->send_pending();
        return !state_->has_pending();
    }

private:
    [[nodiscard]] static bool is_bounded(const deadline& until, const std::stop_token& stop) noexcept {
        return until || stop.stop_possible();
    }

    void admit_with_care(lock_kind kind, lock_key key, const deadline& until, const std::stop_token& stop) {
        if (!state_->has_pending() && !state_->wants_facts()) {
            return refuse_unsuitable_server(*state_->known_facts(), kind, key);
        }
        std::optional<interruptible_reader> reader;
        if (is_bounded(until, stop)) {
            reader.emplace(state_->conn(), until, stop, interruptible_reader::cancelling::late,
                           state_->patience());
        }
        or_lose_connection("asking what server this is", key,
                           [&] { postgres::admit(*state_, kind, key, reader ? &*reader : nullptr); });
    }

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
            clean_up_or_lose(kind, key);
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

    [[nodiscard]] release_result lost() noexcept {
        if (state_) {
            state_->detach();
        }
        return release_result::lost;
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
            call_by_query(state_->conn(), state_->statement(calls[function].view()).c_str(), key);
        if (!a.ok) {
            fail(a.reply, kind, key, queued_wait::waiting, true);
        }
        if (a.switched) {
            tell_of_switch(key);
        }
        count(kind, key);
        return outcome::acquired;
    }

    /// Looks at the answer to a try, and counts what was granted.
    [[nodiscard]] bool is_granted(const answer& a, lock_kind kind, lock_key key) {
        if (a.yes) {
            count(kind, key);
            return true;
        }
        if (!a.ok) {
            fail(a.reply, kind, key, trying, true);
        }
        if (a.switched) {
            tell_of_switch(key);
        }
        return false;
    }

    /// The statement has reached a backend on which it does nothing. Only whoever has marked one has lost
    /// something by that.
    [[noreturn]] void tell_of_switch(lock_key key) {
        if (!state_->is_marked()) {
            throw refused({.what = "the pooler has led the statement to a standby, or to a backend that is "
                                   "marked as another session's",
                           .advice = "roll back and try again; see that the pooler leads to the primary, and "
                                     "that server_reset_query = DISCARD ALL is set",
                           .key = key});
        }
        state_->detach();
        throw backend_was_switched(key);
    }

    /// Runs what reads answers of its own. If it throws, answers are left unread: for libpq and the server,
    /// too, the connection is lost then.
    template <class Exchange>
    [[nodiscard]] std::invoke_result_t<const Exchange&>
    or_lose_connection(std::string_view doing, lock_key key, const Exchange& exchange) {
        try {
            return exchange();
        } catch (const connection_lost& error) {
            lose(state_->conn());
            end_with(error, doing, key);
        } catch (const lock_error&) { // the server's answer, read to its end
            throw;
        } catch (...) {
            lose(state_->conn());
            state_->detach();
            throw;
        }
    }

    /// Throws the loss, with what the server said about it.
    [[noreturn]] void end_with(const connection_lost& error, std::string_view doing, lock_key key) {
        state_->detach();
        const auto& said = state_->last_words();
        if (said.sqlstate.empty() || error.sqlstate() == said.sqlstate) {
            throw error;
        }
        throw loss("the connection was lost while " + std::string(doing), key, said.message, said.sqlstate);
    }

    /// Throws what a failed acquisition means, with nothing left held by it.
    [[noreturn]] void fail(const result& r, lock_kind kind, lock_key key, std::string_view doing,
                           bool uncertain) {
        try {
            throw_failure(r, state_->conn(), doing, key);
        } catch (const connection_lost& error) {
            end_with(error, doing, key);
        } catch (...) {
            if (uncertain && may_have_been_granted(sqlstate_of(r))) {
                clean_up(kind, key);
            }
            throw;
        }
    }

    /// PostgreSQL can report a cancel or a timeout and have granted the lock; these it reports instead of
    /// granting it.
    [[nodiscard]] static bool may_have_been_granted(std::string_view state) noexcept {
        return state != sqlstate::deadlock_detected && state != sqlstate::out_of_memory &&
               state != sqlstate::insufficient_privilege;
    }

    /// After an error the server may count a hold that nobody owns: it is released now, or with the hold that
    /// we own, or when the failed transaction has ended.
    void clean_up(lock_kind kind, lock_key key) noexcept {
        if (kind.ends_with_transaction) {
            return;
        }
        hold& h = state_->holds().at(key, kind.shared);
        h.uncertain = true;
        if (h.owned > 0) {
            return;
        }
        const auto transaction = PQtransactionStatus(state_->conn());
        if (transaction != PQTRANS_IDLE && transaction != PQTRANS_INTRANS) {
            return state_->expect_release_later();
        }
        try {
            interruptible_reader reader(state_->conn(), state_->patience());
            if (state_->settle(h, {}, &reader) == release_result::lost) {
                return state_->detach();
            }
        } catch (const std::exception&) { // out of memory
            state_->expect_release_later();
        }
    }

    /// As `clean_up`, where no other error tells what has happened.
    void clean_up_or_lose(lock_kind kind, lock_key key) {
        clean_up(kind, key);
        if (!alive()) {
            throw loss("the connection was lost while making sure that the lock is not held", key);
        }
    }

    static constexpr std::string_view trying = "trying to take it";

    connection_state::pointer state_;
};
static_assert(lock_connection<connection>);

} // namespace pglocks::postgres

namespace pglocks {

/// Sends the releases that are pending on this session, if they can be sent now.
///
/// They are sent by themselves when the transaction they wait for ends; this is for replies that arrive in
/// pieces, and for whoever wants to be sure before a session goes back to a pool. Returns whether none is
/// left. Cost: one round trip per pending release. *Throws*: `refused` for a closed session.
inline bool release_pending(soci::session& session) {
    return postgres::connection(session).release_pending();
}

} // namespace pglocks
