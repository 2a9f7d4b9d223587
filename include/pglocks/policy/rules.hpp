// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/policy.hpp>

#include <concepts>
#include <type_traits>

namespace pglocks {

namespace detail {

/// Stands for policies that were not written out.
struct deduced {};

template <class P, class Axes>
inline constexpr bool is_on_one_of = false;
template <class P, class... Axis>
inline constexpr bool is_on_one_of<P, type_list<Axis...>> = (policy_of<P, Axis> || ...);

} // namespace detail

namespace rule {

/// The policies are written out, and not left to class template argument deduction, which could not know
/// them.
template <class... P>
concept written_out = !(std::same_as<P, pglocks::detail::deduced> || ...);

/// Every argument is cv-unqualified.
template <class... P>
concept cv_unqualified = (pglocks::detail::cv_unqualified<P> && ...);

/// Every argument is a complete type.
template <class... P>
concept defined = (pglocks::detail::defined<P> && ...);

/// Every argument is on one of the library's axes.
template <class... P>
concept on_an_axis = (pglocks::detail::is_on_one_of<P, axes> && ...);

} // namespace rule

namespace detail {

// One class per rule that concerns all arguments, so that only the first broken rule speaks.
template <class... P>
struct must_be_written_out {
    static_assert(
        rule::written_out<P...>,
        "pglocks: the policies of a lock are not deduced: write its type, advisory_lock or another alias, or "
        "basic_advisory_lock<...>");
};
template <class... P>
struct must_be_unqualified {
    static_assert(rule::cv_unqualified<P...>,
                  "pglocks: a policy is given with const or volatile: write the plain type");
};
template <class... P>
struct must_be_defined {
    static_assert(
        rule::defined<P...>,
        "pglocks: a policy is only declared here: include its definition before the lock type is used");
};
template <class... P>
struct must_be_on_an_axis {
    static_assert(
        rule::on_an_axis<P...>,
        "pglocks: every argument must be a policy: give it a member type `axis` (one of pglocks::axis), or "
        "specialise pglocks::policy_traits for it");
};

/// Whether `P` has what its axis needs, and what is said if not.
template <class P>
using traits_of_axis = axis_traits<typename policy_traits<P>::axis>;

template <class P>
inline constexpr bool has_what_its_axis_needs = traits_of_axis<P>::template meets<P>;

template <class Axes, class... P>
inline constexpr bool one_each = false;
template <class... Axis, class... P>
inline constexpr bool one_each<type_list<Axis...>, P...> = (rule::at_most_one<Axis, P...> && ...);

/// The complaint of the first axis that is given twice. *Requires*: there is one.
template <class... P, class Axis, class... Rest>
[[nodiscard]] consteval auto find_duplicate(type_list<Axis, Rest...>) {
    if constexpr (!rule::at_most_one<Axis, P...>) {
        return std::type_identity<typename axis_traits<Axis>::template at_most_one<P...>>{};
    } else {
        return find_duplicate<P...>(type_list<Rest...>{});
    }
}

/// The complaint of the first policy that lacks what its axis needs. *Requires*: there is one.
template <class P, class... Rest>
[[nodiscard]] consteval auto find_incomplete() {
    if constexpr (!has_what_its_axis_needs<P>) {
        return std::type_identity<typename traits_of_axis<P>::template complete<P>>{};
    } else {
        return find_incomplete<Rest...>();
    }
}

template <class... P>
[[nodiscard]] consteval auto find_complaint() {
    if constexpr (!rule::written_out<P...>) {
        return std::type_identity<must_be_written_out<P...>>{};
    } else if constexpr (!rule::cv_unqualified<P...>) {
        return std::type_identity<must_be_unqualified<P...>>{};
    } else if constexpr (!rule::defined<P...>) {
        return std::type_identity<must_be_defined<P...>>{};
    } else if constexpr (!rule::on_an_axis<P...>) {
        return std::type_identity<must_be_on_an_axis<P...>>{};
    } else if constexpr (!one_each<axes, P...>) {
        return find_duplicate<P...>(axes{});
    } else {
        return find_incomplete<P...>();
    }
}

/// A class that says, in one sentence, which rule the set breaks first; its instantiation is the error.
template <class... P>
using complaint = typename decltype(find_complaint<P...>())::type;

} // namespace detail

namespace rule {

/// No axis is given twice.
template <class... P>
concept one_policy_per_axis = pglocks::detail::one_each<axes, P...>;

/// Every policy has the facts and operations that its axis needs.
template <class... P>
concept complete_policies = (pglocks::detail::has_what_its_axis_needs<P> && ...);

} // namespace rule

/// True exactly when `basic_advisory_lock<P...>` compiles.
template <class... P>
concept valid_policy_set = rule::cv_unqualified<P...> && rule::defined<P...> && rule::on_an_axis<P...> &&
                           rule::one_policy_per_axis<P...> && rule::complete_policies<P...>;

namespace rule {

// What a valid set offers: each is asked of a canonical set, and names the rule in the notes of a compile
// error.

/// The lock is released by its owner, and not by its transaction.
template <class Set>
concept released_by_owner =
    !pglocks::detail::ends_with_transaction<typename Set::template get<axis::scope>>();

/// The wait policy has a wait without a bound: `lock()`.
template <class Set>
concept waits_unbounded = pglocks::detail::waits_unbounded<typename Set::template get<axis::wait>>();

/// The wait policy has a wait with a bound: `try_lock_for`, `try_lock_until`.
template <class Set>
concept waits_bounded = pglocks::detail::waits_bounded<typename Set::template get<axis::wait>>();

/// The mode is shared: the `_shared` operations exist.
template <class Set>
concept is_shared = pglocks::detail::is_shared<typename Set::template get<axis::mode>>();

} // namespace rule

} // namespace pglocks
