// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/policy/axis.hpp>

#include <string_view>

namespace pglocks {

namespace axis {
/// How long PostgreSQL keeps the lock.
///
/// - `scope::session`, the default: for work that is longer than a transaction or needs none.
/// - `scope::transaction`: for work inside one transaction, and behind a transaction-mode pooler.
struct scope;
} // namespace axis

namespace scope {

/// The lock lasts until it is released or the connection ends, whatever transactions do.
///
/// Built from a `soci::session` or a `soci::connection_pool`. A release that falls into an open transaction
/// is sent when that transaction ends, since the next holder would otherwise read what is not committed yet.
/// Costs a round trip for the release. Poolers are refused, but for one that is declared to be in session
/// mode.
struct session {
    using axis = pglocks::axis::scope;
    static constexpr std::string_view summary = "until released, or the connection ends";
    static constexpr bool ends_with_transaction = false;
};

/// The lock lasts until the transaction commits, fails or rolls back, also to a savepoint from before it.
///
/// The commit and the release are one, which costs no round trip of its own. Built from a
/// `pglocks::transaction`, or from a `soci::session` and its `soci::transaction`. There is no unlock. Works
/// through transaction-mode poolers.
struct transaction {
    using axis = pglocks::axis::scope;
    static constexpr std::string_view summary = "until the transaction ends";
    static constexpr bool ends_with_transaction = true;
};

} // namespace scope

namespace detail {

template <class P>
concept scope_facts = requires {
    { P::ends_with_transaction } -> std::convertible_to<bool>;
    typename std::bool_constant<static_cast<bool>(P::ends_with_transaction)>; // a constant
};

template <class P>
concept adapted_scope = scope_facts<policy_traits<P>>;

template <class P>
[[nodiscard]] consteval bool ends_with_transaction() {
    if constexpr (adapted_scope<P>) {
        return policy_traits<P>::ends_with_transaction;
    } else {
        return P::ends_with_transaction;
    }
}

} // namespace detail

/// A policy that says `static constexpr bool ends_with_transaction`.
///
/// A scope states a fact and no SQL: a user's own scope is a new name for one of the two that PostgreSQL has.
template <class P>
concept scope_policy = policy_of<P, axis::scope> && (detail::scope_facts<P> || detail::adapted_scope<P>);

template <>
struct axis_traits<axis::scope> {
    using default_policy = scope::session;
    using built_in = type_list<scope::session, scope::transaction>;
    static constexpr std::string_view name = "scope";

    template <class P>
    static constexpr bool meets = scope_policy<P>;

    template <class... P>
    struct at_most_one {
        static_assert(rule::at_most_one<axis::scope, P...>,
                      "pglocks: more than one scope policy: keep one of scope::session, scope::transaction");
    };
    template <class P>
    struct complete {
        static_assert(scope_policy<P>,
                      "pglocks: a scope policy lacks its fact: give it a member "
                      "`static constexpr bool ends_with_transaction`, as scope::session has");
    };
};

} // namespace pglocks
