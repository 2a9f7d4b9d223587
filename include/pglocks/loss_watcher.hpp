// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/heartbeat.hpp>
#include <pglocks/lock.hpp>
#include <pglocks/postgres/watch_loop.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>

namespace pglocks {

/// A watch on one lock's connection; ends with this object, whether or not its watcher still exists.
class loss_watch {
public:
    /// Moves the watch; what is moved from watches nothing.
    loss_watch(loss_watch&& other) noexcept
        : loop_(std::move(other.loop_)),
          id_(other.id_),
          stop_(std::move(other.stop_)),
          lent_(std::move(other.lent_)) {}
    /// Ends the watch that this object has, as its destructor would, and moves.
    loss_watch& operator=(loss_watch&& other) noexcept {
        loss_watch ended(std::move(*this));
        loop_ = std::move(other.loop_);
        id_ = other.id_;
        stop_ = std::move(other.stop_);
        lent_ = std::move(other.lent_);
        return *this;
    }
    /// With a heartbeat, waits for an answer that is under way, at most for as long as the heartbeat does;
    /// without the answer the connection is lost.
    ~loss_watch() {
        if (!loop_ || !loop_->remove(id_)) {
            return;
        }
        stop_->request_stop();
        if (lent_ && lent_->alive()) { // silent, says the heartbeat
            postgres::lose(lent_->conn());
            lent_->detach();
        }
    }

    /// Asked to stop when the connection is lost, and the lock with it.
    ///
    /// Its callbacks run in the watcher's thread, or, when the connection's own thread notices first, in that
    /// one, within libpq or the end of the watch: they must not use the session or its locks, and not throw,
    /// since the standard library then calls `std::terminate`.
    [[nodiscard]] std::stop_token token() const noexcept {
        return stop_ ? stop_->get_token() : std::stop_token();
    }

private:
    friend class loss_watcher;
    loss_watch(const std::shared_ptr<postgres::watch_loop>& loop, postgres::connection_state& state,
               const std::optional<heartbeat>& beat)
        : loop_(loop),
          stop_(std::make_shared<std::stop_source>()),
          lent_(beat ? &state : nullptr) {
        id_ = loop->add(state, stop_, beat);
    }

    std::shared_ptr<postgres::watch_loop> loop_; ///< null: moved from
    postgres::watch_loop::id id_ = 0;
    std::shared_ptr<std::stop_source> stop_;
    postgres::connection_state::pointer lent_; ///< for a heartbeat
};

/// Turns the loss of locks into stop requests: one thread for any number of locks.
///
/// A connection whose server has hung up is noticed within milliseconds; a cut network when TCP gives up
/// (`session_preset`), or by a heartbeat. Without a heartbeat no byte is read or sent and no call of libpq is
/// made, so that the session's owner is not disturbed. The end of the session on our side (`close()`,
/// `reconnect()`, `DISCARD ALL`) is a loss, too. Each watch costs a file descriptor. `watch()` belongs to the
/// thread that uses the session; watches may end in any thread but for those with a heartbeat.
///
/// The thread ends with the last of the watcher and its watches, whose end waits for a callback that runs. It
/// allocates nothing of its own. What it can watch no more, for instance since the program has closed all
/// descriptors, counts as lost.
class loss_watcher {
public:
    /// Starts the thread. *Throws*: `std::system_error` without a descriptor or a thread.
    loss_watcher() : loop_(std::make_shared<postgres::watch_loop>()) {}

    /// Watches the connection of a lock that is owned. No round trip.
    ///
    /// *Throws*: `std::system_error` with `operation_not_permitted` if the lock is not owned, or if there is
    /// no descriptor.
    template <class... Policies>
    [[nodiscard("pglocks: the watch ends at the end of this statement: give it a name")]]
    loss_watch watch(const basic_advisory_lock<Policies...>& lock) {
        return begin(lock, std::nullopt);
    }

    /// As above, and asks the server again and again, which also notices a server, a network or a proxy that
    /// is silent.
    ///
    /// The session is lent to the watcher: until the watch ends nobody else may use the session or its locks,
    /// `lost()` included; `token()` tells. Pending releases are sent first. Cost: one round trip per beat.
    /// *Requires*: the connection is idle, in a transaction or not. *Throws*: as above; `refused` if the
    /// heartbeat's times are not positive.
    template <class... Policies>
    [[nodiscard("pglocks: the watch ends at the end of this statement: give it a name")]]
    loss_watch watch(const basic_advisory_lock<Policies...>& lock, heartbeat beat) {
        detail::check(beat);
        if (lock.owns_lock()) { // else the answer to a heartbeat would send them, in the watcher's thread
            state_of(lock)->send_pending();
        }
        return begin(lock, beat);
    }

private:
    template <class... Policies>
    [[nodiscard]] loss_watch begin(const basic_advisory_lock<Policies...>& lock,
                                   const std::optional<heartbeat>& beat) {
        if (!lock.owns_lock()) {
            detail::misuse(std::errc::operation_not_permitted,
                           "pglocks: watch() of a lock that this object does not own");
        }
        return {loop_, *state_of(lock), beat};
    }

    template <class... Policies>
    [[nodiscard]] static postgres::connection_state::pointer
    state_of(const basic_advisory_lock<Policies...>& lock) {
        return postgres::connection_state::of(postgres::libpq_connection(*lock.session()));
    }

    std::shared_ptr<postgres::watch_loop> loop_;
};

} // namespace pglocks
