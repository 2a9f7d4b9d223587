// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/policy/axis.hpp>

#include <string_view>

namespace pglocks {

namespace axis {
/// Who else may hold the lock.
///
/// - `mode::exclusive`, the default: for a writer, a job, a leader.
/// - `mode::shared`: for readers.
struct mode;
} // namespace axis

namespace mode {

/// Nobody else holds the lock, in either mode (`ExclusiveLock` in `pg_locks`).
struct exclusive {
    using axis = pglocks::axis::mode;
    static constexpr std::string_view summary = "nobody else holds it";
    static constexpr bool is_shared = false;
};

/// Any number of shared holders, no exclusive one (`ShareLock` in `pg_locks`).
///
/// The lock also offers the `_shared` operations, so that `std::shared_lock` takes it. A waiting writer goes
/// first: new readers queue behind it, and a reader that does not wait is refused although only readers hold
/// the lock. Two readers that both want to become the writer deadlock.
struct shared {
    using axis = pglocks::axis::mode;
    static constexpr std::string_view summary = "other shared holders may hold it too";
    static constexpr bool is_shared = true;
};

} // namespace mode

namespace detail {

template <class P>
concept mode_facts = requires {
    { P::is_shared } -> std::convertible_to<bool>;
    typename std::bool_constant<static_cast<bool>(P::is_shared)>; // a constant
};

template <class P>
concept adapted_mode = mode_facts<policy_traits<P>>;

template <class P>
[[nodiscard]] consteval bool is_shared() {
    if constexpr (adapted_mode<P>) {
        return policy_traits<P>::is_shared;
    } else {
        return P::is_shared;
    }
}

} // namespace detail

/// A policy that says `static constexpr bool is_shared`.
template <class P>
concept mode_policy = policy_of<P, axis::mode> && (detail::mode_facts<P> || detail::adapted_mode<P>);

template <>
struct axis_traits<axis::mode> {
    using default_policy = mode::exclusive;
    using built_in = type_list<mode::exclusive, mode::shared>;
    static constexpr std::string_view name = "mode";

    template <class P>
    static constexpr bool meets = mode_policy<P>;

    template <class... P>
    struct at_most_one {
        static_assert(rule::at_most_one<axis::mode, P...>,
                      "pglocks: more than one mode policy: keep one of mode::exclusive, mode::shared");
    };
    template <class P>
    struct complete {
        static_assert(mode_policy<P>, "pglocks: a mode policy lacks its fact: give it a member "
                                      "`static constexpr bool is_shared`, as mode::shared has");
    };
};

} // namespace pglocks
