// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/deadline.hpp>
#include <pglocks/key.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace pglocks::detail {

/// What a wait strategy works with: one lock, or several at once, one connection, one caller who may ask to
/// stop.
///
/// It keeps the truth itself: whether the lock was acquired does not depend on what the strategy answers.
template <class Connection, class What = lock_key>
    requires lock_connection<Connection, What>
class lock_acquisition {
public:
    /// The bound and the stop are the caller's: they hold for every step, whatever the strategy asks for.
    lock_acquisition(Connection& connection, lock_kind kind, What what, const deadline& until,
                     const std::stop_token& stop) noexcept
        : connection_(connection),
          until_(until),
          stop_(stop),
          what_(what),
          kind_(kind) {}
    lock_acquisition(const lock_acquisition&) = delete;
    lock_acquisition& operator=(const lock_acquisition&) = delete;

    [[nodiscard]] bool acquired() const noexcept { return acquired_; }

    [[gnu::always_inline]] outcome attempt() {
        if (acquired_) {
            return outcome::acquired;
        }
        if (stop_.stop_requested()) {
            return outcome::stopped;
        }
        acquired_ = connection_.attempt(kind_, what_, until_, stop_);
        return acquired_ ? outcome::acquired : outcome::busy;
    }

    outcome queue(deadline until) {
        if (acquired_) {
            return outcome::acquired;
        }
        const outcome end = connection_.queue(kind_, what_, earlier(until, until_), stop_);
        acquired_ = end == outcome::acquired;
        return end;
    }

    /// Tries first where that is the quickest call, and where a wait would be none.
    [[gnu::always_inline]] outcome acquire(deadline until) {
        if (std::same_as<What, lock_key> || has_expired(earlier(until, until_))) {
            if (const outcome first = attempt(); first != outcome::busy) {
                return first;
            }
        }
        return queue(until);
    }

    outcome pause(std::chrono::nanoseconds duration, deadline until) {
        if (stop_.stop_requested()) {
            return outcome::stopped;
        }
        until = earlier(until, until_);
        if (has_expired(until)) {
            return outcome::expired;
        }
        const auto wake = *earlier(until, deadline_after(duration)); // one last try at the deadline
        std::mutex alone;
        std::unique_lock held(alone);
        std::condition_variable_any stopped;
        stopped.wait_until(held, stop_, wake, [] { return false; });
        return stop_.stop_requested() ? outcome::stopped : outcome::busy;
    }

    [[nodiscard]] bool stop_requested() const noexcept { return stop_.stop_requested(); }

private:
    [[nodiscard]] static deadline earlier(const deadline& a, const deadline& b) noexcept {
        return !a ? b : !b ? a : std::min(*a, *b);
    }

    Connection& connection_;
    const deadline& until_;
    const std::stop_token& stop_;
    What what_;
    lock_kind kind_;
    bool acquired_ = false;
};

} // namespace pglocks::detail
