// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/detail/lock_range.hpp>
#include <pglocks/fwd.hpp>
#include <pglocks/key.hpp>
#include <pglocks/name.hpp>
#include <pglocks/policy/rules.hpp>
#include <pglocks/transaction.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <type_traits>

namespace soci {
class connection_pool;
} // namespace soci

namespace pglocks {

/// What a lock's constructor asks of its arguments, in the order in which it is looked at.
enum class constructor_rule : std::uint8_t {
    needs_a_session,          ///< something to take it on comes first
    takes_no_transaction,     ///< a session-scope lock is built from a session or a pool alone
    needs_a_transaction,      ///< a transaction-scope lock is built from a transaction and its session
    needs_a_name_or_key,      ///< what to lock comes after the session
    needs_names_or_keys,      ///< a set is taken on a range of names or keys
    pair_in_braces,           ///< a pair of keys is one argument
    hash_takes_names,         ///< a name needs a hash
    adopts_on_a_session,      ///< adopt_lock goes with session scope, on a session
    takes_no_bound,           ///< a duration or a time point goes with a wait policy that is bounded
    arguments_have_a_meaning, ///< everything has a meaning for this lock, and is given once
    needs_a_bound,            ///< a wait policy that is only bounded is given its bound
    needs_policy_values,      ///< a policy whose state has no default is given its value
    all_kept                  ///< nothing to complain about
};

namespace detail {

template <class T>
concept plain_session = std::convertible_to<T*, soci::session*>;
template <class T>
concept session_resource = plain_session<T> || std::convertible_to<T*, soci::connection_pool*>;
template <class T>
concept soci_transaction = std::convertible_to<T*, soci::transaction*>;
template <class T>
concept known_transaction = std::convertible_to<T*, pglocks::transaction*>;

template <class T>
inline constexpr bool is_bound = false;
template <class Rep, class Period>
inline constexpr bool is_bound<std::chrono::duration<Rep, Period>> = true;
template <class Clock, class Duration>
inline constexpr bool is_bound<std::chrono::time_point<Clock, Duration>> = true;

template <class T>
concept tag = std::same_as<T, std::defer_lock_t> || std::same_as<T, std::try_to_lock_t> ||
              std::same_as<T, std::adopt_lock_t>;

template <class T, class... A>
inline constexpr std::size_t occurrences = (std::size_t{0} + ... + std::size_t{std::same_as<T, A>});

template <class T, class... A>
concept given = occurrences<T, A...> > 0;

/// A policy whose value the constructor may be given.
template <class T, class Policy>
concept value_of = std::same_as<T, Policy> && !stateless<Policy>;

/// Looks at what follows the name or key.
template <class Set, bool Named, bool OnSession, class... A>
[[nodiscard]] consteval constructor_rule broken_by_options() {
    using wait_policy = typename Set::template get<axis::wait>;
    using hash_policy = typename Set::template get<axis::hash>;
    constexpr std::size_t tags = (std::size_t{0} + ... + std::size_t{tag<A>});
    constexpr std::size_t bounds = (std::size_t{0} + ... + std::size_t{is_bound<A>});
    constexpr bool stop = given<std::stop_token, A...>;
    constexpr bool waits = tags == 0 && (bounds == 1 || rule::waits_unbounded<Set>);
    if constexpr (given<std::adopt_lock_t, A...> && !(OnSession && rule::released_by_owner<Set>)) {
        return constructor_rule::adopts_on_a_session;
    } else if constexpr (bounds > 0 && !rule::waits_bounded<Set>) {
        return constructor_rule::takes_no_bound;
    } else if constexpr (!((tag<A> || is_bound<A> || std::same_as<A, std::stop_token> ||
                            value_of<A, wait_policy> || (value_of<A, hash_policy> && Named)) &&
                           ...) ||
                         !((occurrences<A, A...> == 1) && ...) || tags + bounds > 1 ||
                         (stop && bounds == 0 && tags == 0 && !rule::waits_unbounded<Set> &&
                          !rule::waits_bounded<Set>) ||
                         (stop && tags > 0)) {
        return constructor_rule::arguments_have_a_meaning;
    } else if constexpr (tags == 0 && !waits && rule::waits_bounded<Set>) {
        return constructor_rule::needs_a_bound;
    } else if constexpr ((Named && !std::default_initializable<hash_policy> && !given<hash_policy, A...>) ||
                         (!std::default_initializable<wait_policy> && !given<wait_policy, A...>)) {
        return constructor_rule::needs_policy_values;
    } else {
        return constructor_rule::all_kept;
    }
}

template <class... A>
inline constexpr bool starts_with_an_integer = false;
template <std::integral First, class... A>
inline constexpr bool starts_with_an_integer<First, A...> = true;

/// A policy set whose lock is of many keys.
template <class Set>
struct of_many : Set {};
template <class Set>
inline constexpr bool is_of_many = false;
template <class Set>
inline constexpr bool is_of_many<of_many<Set>> = true;

/// Looks at the name or key, or the range of them, and what follows it.
template <class Set, bool OnSession>
[[nodiscard]] consteval constructor_rule broken_by_subject() {
    return is_of_many<Set> ? constructor_rule::needs_names_or_keys : constructor_rule::needs_a_name_or_key;
}
template <class Set, bool OnSession, class Subject, class... A>
[[nodiscard]] consteval constructor_rule broken_by_subject() {
    if constexpr (is_of_many<Set>) {
        if constexpr (!rule::lock_range<Subject>) {
            return constructor_rule::needs_names_or_keys;
        } else if constexpr (!rule::range_of_names<Subject>) {
            return broken_by_options<Set, false, OnSession, A...>();
        } else if constexpr (!rule::hash_takes_names<typename Set::template get<axis::hash>>) {
            return constructor_rule::hash_takes_names;
        } else {
            return broken_by_options<Set, true, OnSession, A...>();
        }
    } else if constexpr (rule::lock_name<Subject>) {
        if constexpr (!rule::hash_takes_names<typename Set::template get<axis::hash>>) {
            return constructor_rule::hash_takes_names;
        } else {
            return broken_by_options<Set, true, OnSession, A...>();
        }
    } else if constexpr (!std::convertible_to<std::add_lvalue_reference_t<const Subject>, lock_key>) {
        return constructor_rule::needs_a_name_or_key;
    } else if constexpr (starts_with_an_integer<A...>) {
        return constructor_rule::pair_in_braces;
    } else {
        return broken_by_options<Set, false, OnSession, A...>();
    }
}

/// Looks at what a transaction-scope lock is built from: a transaction that knows its session, or both.
template <class Set, class First, class... A>
inline constexpr constructor_rule broken_in_transaction =
    known_transaction<First> ? broken_by_subject<Set, true, A...>() : constructor_rule::needs_a_transaction;
template <class Set, plain_session First, soci_transaction T, class... A>
inline constexpr constructor_rule broken_in_transaction<Set, First, T, A...> =
    broken_by_subject<Set, true, A...>();

/// Marks the constructors that public ones delegate to.
struct delegated {};

template <class... Policies>
void any_lock(const basic_advisory_lock<Policies...>*);
template <class... Policies>
void any_lock(const advisory_lock_set<Policies...>*);
/// What is copied or moved, or delegated to: no business of these rules.
template <class T>
concept not_a_resource = std::same_as<T, delegated> || requires(const T* argument) { any_lock(argument); };

/// The first rule that these arguments break. *Requires*: there is an argument.
template <class Set, class... A>
inline constexpr constructor_rule first_broken = constructor_rule::needs_a_session;

template <class Set, not_a_resource First, class... A>
inline constexpr constructor_rule first_broken<Set, First, A...> = constructor_rule::all_kept;

template <class Set>
inline constexpr constructor_rule first_broken<Set> = constructor_rule::all_kept;

/// An argument's type as the rules see it: a resource that is const or about to die is none.
template <class A>
struct seen_as {
    using type = std::remove_cvref_t<A>;
};
template <class A>
    requires((session_resource<std::remove_cvref_t<A>> || soci_transaction<std::remove_cvref_t<A>>) &&
             !std::convertible_to<A, std::remove_cvref_t<A>&>)
struct seen_as<A> {
    using type = void;
};
/// A range that changes as it is read, as a view that filters does, is none while it is const.
template <class A>
    requires(iterable<std::remove_cvref_t<A>> && !iterable<std::remove_reference_t<A>>)
struct seen_as<A> {
    using type = void;
};
template <class A>
using seen_t = typename seen_as<A>::type;

template <class Set, class First, class... A>
    requires(session_resource<First> || soci_transaction<First>)
inline constexpr constructor_rule first_broken<Set, First, A...> = [] {
    if constexpr (!rule::released_by_owner<Set>) {
        return broken_in_transaction<Set, First, A...>;
    } else if constexpr (soci_transaction<First> || (soci_transaction<A> || ...)) {
        return constructor_rule::takes_no_transaction;
    } else {
        return broken_by_subject<Set, plain_session<First>, A...>();
    }
}();

} // namespace detail

namespace rule {

/// A lock of this set is constructible from arguments of these types (a braced pair counts as `lock_key`).
template <class Set, class... A>
concept takes_arguments = pglocks::detail::first_broken<Set, A...> == constructor_rule::all_kept;

/// Arguments of these types break this rule first.
template <constructor_rule Rule, class Set, class... A>
concept breaks = pglocks::detail::first_broken<Set, pglocks::detail::seen_t<A>...> == Rule;

/// Constructed so, the lock may come back without being held, which the caller must look at.
template <class Set, class... A>
concept may_come_back_empty =
    !waits_unbounded<Set> ||
    ((pglocks::detail::is_bound<A> || pglocks::detail::tag<A> || std::same_as<A, std::stop_token>) || ...);

} // namespace rule

} // namespace pglocks
