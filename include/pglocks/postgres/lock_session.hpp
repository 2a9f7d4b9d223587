// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/admission.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/libpq_connection.hpp>
#include <pglocks/postgres/queued_wait.hpp>

#include <libpq-fe.h>
#include <soci/soci.h>

#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>

namespace pglocks::postgres {

/// A session's connection as locks of one key and of many see it: what they have in common.
///
/// Acquiring reads the session; everything else uses the state of the connection alone, so that a lock may
/// outlive its session.
class lock_session {
public:
    using session_type = soci::session;

    lock_session() noexcept = default;
    explicit lock_session(soci::session& session) { use(session); }

    // Always inlined, as other steps of every lock and unlock: clang would keep a frame for each.
    [[gnu::always_inline]] void use(soci::session& session) {
        const auto* const backend = session.get_backend();
        // A backend that ends, or connects anew, ends its connection, and with it the state's.
        if (!state_ || state_->owner() != backend || !state_->conn()) {
            state_ = connection_state::of(libpq_connection(session));
            state_->belongs_to(backend);
        }
    }

    [[nodiscard]] bool alive() const noexcept { return state_ && state_->alive(); }

    [[nodiscard]] bool hung_up() const noexcept { return !state_ || state_->hung_up(); }

    [[nodiscard]] int backend_pid() const noexcept { return alive() ? state_->backend_pid() : 0; }

    /// Sends the pending releases if they can be sent; whether none is left.
    bool release_pending() noexcept {
        if (!alive()) {
            return true;
        }
        state_->send_pending();
        return !state_->has_pending();
    }

protected:
    [[nodiscard]] static bool is_bounded(const deadline& until, const std::stop_token& stop) noexcept {
        return until || stop.stop_possible();
    }

    /// Throws unless a lock of this kind can be had now. Sends what releases are pending.
    [[gnu::always_inline]] void ask_admission(lock_kind kind, lock_key key, const deadline& until,
                                              const std::stop_token& stop) {
        connection_state& state = *state_;
        if (!is_ready(state.conn(), kind)) {
            refuse_unready_connection(state, kind, key);
        }
        if (!state.is_plain() || state.has_pending()) {
            admit_with_care(kind, key, until, stop);
        }
    }

    /// Waits until the deadline, a stop or an error. \param make_statements makes what is sent, a `key_wait`
    /// for instance
    template <class MakeStatements>
    [[nodiscard]] outcome queue_interruptibly(lock_kind kind, lock_keys keys, const deadline& until,
                                              const std::stop_token& stop,
                                              const MakeStatements& make_statements) {
        const lock_key first = keys.front();
        for (;;) {
            if (stop.stop_requested()) {
                return outcome::stopped;
            }
            if (pglocks::detail::has_expired(until)) {
                return outcome::expired;
            }
            const auto statements = make_statements();
            queued_wait wait(*state_, kind, statements, first, until, stop);
            using end = typename decltype(wait)::end;
            const auto ended = or_lose_connection(queueing, first, [&] { return wait.run(); });
            if (ended == end::acquired) {
                count(kind, keys);
                return outcome::acquired;
            }
            if (ended == end::switched) {
                tell_of_switch(first);
            }
            const auto state = sqlstate_of(wait.failure());
            const bool ours = (state == sqlstate::lock_not_available && until) ||
                              (state == sqlstate::query_canceled && wait.cancelled());
            if (!ours || PQtransactionStatus(state_->conn()) == PQTRANS_INERROR) {
                fail(wait.failure(), kind, keys, queueing, ended == end::uncertain);
            }
            if (ended == end::uncertain) {
                clean_up_or_lose(kind, keys);
            }
            // Neither stopped nor expired: lock_timeout's longest was not long enough.
        }
    }

    /// Counts one hold more of each key that was granted.
    void count(lock_kind kind, lock_keys keys) {
        if (!kind.ends_with_transaction) {
            state_->holds().for_each_made(keys, kind.shared, [](hold& h) { ++h.owned; });
        }
    }

    [[nodiscard]] release_result lost() noexcept {
        if (state_) {
            state_->detach();
        }
        return release_result::lost;
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
    [[noreturn]] void fail(const result& r, lock_kind kind, lock_keys keys, std::string_view doing,
                           bool uncertain) {
        try {
            throw_failure(r, state_->conn(), doing, keys.front());
        } catch (const connection_lost& error) {
            end_with(error, doing, keys.front());
        } catch (...) {
            if (uncertain && may_have_been_granted(sqlstate_of(r), keys)) {
                clean_up(kind, keys);
            }
            throw;
        }
    }

    /// PostgreSQL can report a cancel or a timeout and have granted the lock; these it reports instead of
    /// granting it, and that of other keys has been granted before.
    [[nodiscard]] static bool may_have_been_granted(std::string_view state, lock_keys keys) noexcept {
        return keys.size() > 1 || (state != sqlstate::deadlock_detected && state != sqlstate::out_of_memory &&
                                   state != sqlstate::insufficient_privilege);
    }

    /// After an error the server may count holds that nobody owns: they are released now, or with the hold
    /// that we own, or when the failed transaction, or the one that other releases wait for, has ended.
    void clean_up(lock_kind kind, lock_keys keys) noexcept {
        if (kind.ends_with_transaction) {
            return;
        }
        const auto transaction = PQtransactionStatus(state_->conn());
        bool wanted = false;
        bool later = transaction != PQTRANS_IDLE && transaction != PQTRANS_INTRANS;
        state_->holds().for_each_made(keys, kind.shared, [&](hold& h) {
            h.uncertain = true;
            wanted = wanted || h.wants_draining();
            later = later || (h.surplus > 0 && h.wants_draining() && transaction == PQTRANS_INTRANS);
        });
        if (!wanted) {
            return;
        }
        if (later) {
            return state_->expect_release_later();
        }
        try {
            interruptible_reader reader(state_->conn(), state_->patience());
            auto at = keys.begin(); // both are sorted
            const auto is_meant = [&](const hold& h) {
                while (at != keys.end() && *at < h.key) {
                    ++at;
                }
                return at != keys.end() && *at == h.key && h.shared == kind.shared && h.wants_draining();
            };
            if (state_->settle_all(is_meant, &reader) == release_result::lost) {
                return state_->detach();
            }
            state_->report_missing();
        } catch (const std::exception&) { // out of memory
            state_->expect_release_later();
        }
    }

    /// As `clean_up`, where no other error tells what has happened.
    void clean_up_or_lose(lock_kind kind, lock_keys keys) {
        clean_up(kind, keys);
        if (!alive()) {
            throw loss("the connection was lost while making sure that the lock is not held", keys.front());
        }
    }

    static constexpr std::string_view trying = "trying to take it";

    connection_state::pointer state_;

private:
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
};

} // namespace pglocks::postgres

namespace pglocks {

/// Sends the releases that are pending on this session, if they can be sent now.
///
/// They are sent by themselves when the transaction they wait for ends; this is for replies that arrive in
/// pieces, and for whoever wants to be sure before a session goes back to a pool. Returns whether none is
/// left. Cost: one round trip, or one for each mode. *Throws*: `refused` for a closed session.
inline bool release_pending(soci::session& session) {
    return postgres::lock_session(session).release_pending();
}

} // namespace pglocks
