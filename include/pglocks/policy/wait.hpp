// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/policy/axis.hpp>
#include <pglocks/policy/backoff.hpp>

#include <chrono>
#include <concepts>
#include <string_view>

namespace pglocks {

namespace axis {
/// How a wait for the lock is done, and which of the standard lock operations exist.
///
/// - `wait::block`, the default: when the work must be done, and the holder is known to finish.
/// - `wait::none`: when somebody else doing the work is as good.
/// - `wait::timeout`: when late is worse than not at all.
/// - `wait::poll<Backoff>`: for long waits, or where a waiter must hold nothing.
struct wait;
} // namespace axis

/// What a wait strategy is given: one lock that is to be acquired.
///
/// - `attempt()`: one try; answers `acquired`, `busy` or `stopped`. One round trip.
/// - `queue(deadline)`: waits in the server's queue; answers `acquired`, `expired` or `stopped`. One round
///   trip beyond the wait.
/// - `acquire(deadline)`: takes it now, or waits in the server's queue, in the quickest way: one key is tried
///   first, several queue at once. Answers as `queue`. One or two round trips.
/// - `pause(duration, deadline)`: sleeps on this side; answers `busy` when it is time to try again, else
///   `expired` or `stopped`. No round trip.
/// - `stop_requested()`: whether the caller's stop token asks to give up.
template <class A>
concept acquisition = requires(A& a, deadline until, std::chrono::nanoseconds duration) {
    { a.attempt() } -> std::same_as<outcome>;
    { a.queue(until) } -> std::same_as<outcome>;
    { a.acquire(until) } -> std::same_as<outcome>;
    { a.pause(duration, until) } -> std::same_as<outcome>;
    { a.stop_requested() } noexcept -> std::same_as<bool>;
};

namespace archetype {

/// The least that is an acquisition: a wait strategy that compiles with this compiles with all of them.
struct acquisition {
    acquisition(const acquisition&) = delete;
    acquisition& operator=(const acquisition&) = delete;
    outcome attempt();
    outcome queue(deadline until);
    outcome acquire(deadline until);
    outcome pause(std::chrono::nanoseconds duration, deadline until);
    [[nodiscard]] bool stop_requested() const noexcept;
};
static_assert(pglocks::acquisition<acquisition>);

} // namespace archetype

namespace wait {

/// Waits in PostgreSQL's queue for as long as it takes.
///
/// Fair (first come, first served), woken at once, deadlocks detected. A waiter occupies its backend and
/// holds a snapshot (VACUUM is held back; a holder that runs CREATE INDEX CONCURRENTLY deadlocks with it).
/// The session's own `lock_timeout` ends the wait with an error (55P03). An error inside a transaction fails
/// that transaction, but not if the wait had a stop token. Cost: one round trip when the lock is free, two
/// when it has to wait.
struct block {
    using axis = pglocks::axis::wait;
    static constexpr std::string_view summary = "waits in the server's queue";
    static constexpr bool unbounded = true;
    static constexpr bool bounded = false;

    outcome operator()(acquisition auto& lock, deadline until) const { return lock.acquire(until); }
};

/// Never waits: one try.
///
/// No snapshot is held, no deadlock is possible, no queue, no backend is blocked. An error inside a
/// transaction fails that transaction. Cost: one round trip.
struct none {
    using axis = pglocks::axis::wait;
    static constexpr std::string_view summary = "one try, no wait";
    static constexpr bool unbounded = false;
    static constexpr bool bounded = false;

    outcome operator()(acquisition auto& lock, deadline) const { return lock.attempt(); }
};

/// Waits in PostgreSQL's queue, at most as long as the call says.
///
/// As `block` while it waits; a timeout is an answer, not an error: it leaves the user's transaction and
/// `lock_timeout` as they were, and never the lock held. So does an error in the queue, but for one of the
/// connection. A shorter `statement_timeout` of the session still ends the wait, with an error. Cost: one
/// round trip when the lock is free, two when it has to wait, whatever the end.
struct timeout {
    using axis = pglocks::axis::wait;
    static constexpr std::string_view summary = "waits in the server's queue up to a bound";
    static constexpr bool unbounded = false;
    static constexpr bool bounded = true;

    outcome operator()(acquisition auto& lock, deadline until) const { return lock.acquire(until); }
};

/// Tries again and again, with a pause in between that `Backoff` gives.
///
/// A waiter holds no snapshot (VACUUM goes on, CREATE INDEX CONCURRENTLY does not deadlock) and blocks no
/// backend, and works through every pooler that passes its scope. In return it is not fair, reacts with the
/// delay of a pause, and the server detects no deadlock. An error inside a transaction fails that
/// transaction. Cost: one round trip per try.
///
/// \tparam Backoff called with the number of tries so far (from 1), answers the pause as a `std::chrono`
/// duration.
template <class Backoff = jittered_exponential>
struct poll {
    using axis = pglocks::axis::wait;
    static constexpr std::string_view summary = "tries again after growing, jittered pauses";
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;

    [[no_unique_address]] Backoff backoff{}; ///< gives the pauses

    outcome operator()(acquisition auto& lock, deadline until) const
        requires pglocks::backoff<Backoff>
    {
        for (unsigned tries = 1;; ++tries) {
            if (const outcome o = lock.attempt(); o != outcome::busy) {
                return o;
            }
            if (const outcome o = lock.pause(backoff(tries), until); o != outcome::busy) {
                return o;
            }
        }
    }
};

} // namespace wait

namespace detail {

template <class P>
concept wait_facts = requires {
    { P::unbounded } -> std::convertible_to<bool>;
    { P::bounded } -> std::convertible_to<bool>;
    typename std::bool_constant<static_cast<bool>(P::unbounded)>; // constants
    typename std::bool_constant<static_cast<bool>(P::bounded)>;
};

template <class P>
concept adapted_wait_facts = wait_facts<policy_traits<P>>;

template <class P>
concept wait_call = requires(const P& strategy, archetype::acquisition& lock, deadline until) {
    { strategy(lock, until) } -> std::same_as<outcome>;
};

template <class P>
concept adapted_wait_call = requires(const P& strategy, archetype::acquisition& lock, deadline until) {
    { policy_traits<P>::acquire(strategy, lock, until) } -> std::same_as<outcome>;
};

template <class P>
[[nodiscard]] consteval bool waits_unbounded() {
    if constexpr (adapted_wait_facts<P>) {
        return policy_traits<P>::unbounded;
    } else {
        return P::unbounded;
    }
}

template <class P>
[[nodiscard]] consteval bool waits_bounded() {
    if constexpr (adapted_wait_facts<P>) {
        return policy_traits<P>::bounded;
    } else {
        return P::bounded;
    }
}

template <class P>
outcome run_strategy(const P& strategy, acquisition auto& lock, deadline until) {
    if constexpr (adapted_wait_call<P>) {
        return policy_traits<P>::acquire(strategy, lock, until);
    } else {
        return strategy(lock, until);
    }
}

} // namespace detail

/// A policy that can be called with an `acquisition` and a `deadline` and answers an `outcome`, and that says
/// `static constexpr bool unbounded` (it offers `lock()`) and `bounded` (it offers `try_lock_for`,
/// `try_lock_until`).
///
/// In `policy_traits`, the call is `acquire(const T&, acquisition&, deadline)`.
template <class P>
concept wait_policy = policy_of<P, axis::wait> && (detail::wait_facts<P> || detail::adapted_wait_facts<P>) &&
                      (detail::wait_call<P> || detail::adapted_wait_call<P>);

template <>
struct axis_traits<axis::wait> {
    using default_policy = wait::block;
    using built_in = type_list<wait::block, wait::none, wait::timeout, wait::poll<>>;
    static constexpr std::string_view name = "wait";

    template <class P>
    static constexpr bool meets = wait_policy<P>;

    template <class... P>
    struct at_most_one {
        static_assert(rule::at_most_one<axis::wait, P...>,
                      "pglocks: more than one wait policy: keep one of wait::block, wait::none, "
                      "wait::timeout, wait::poll<>");
    };
    template <class P>
    struct complete {
        static_assert(
            wait_policy<P>,
            "pglocks: a wait policy lacks its operation: give it `static constexpr bool unbounded`, "
            "`bounded`, and `outcome operator()(pglocks::acquisition auto&, pglocks::deadline) const`");
    };
    template <class Backoff>
    struct complete<wait::poll<Backoff>> {
        static_assert(
            backoff<Backoff>,
            "pglocks: wait::poll<Backoff> lacks its backoff: give Backoff "
            "`std::chrono::nanoseconds operator()(unsigned tries) const`, as jittered_exponential has");
    };
};

} // namespace pglocks
