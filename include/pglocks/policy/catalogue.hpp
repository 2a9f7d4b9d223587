// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/interop/interop.hpp>
#include <pglocks/policy.hpp>

#include <type_traits>

/// The library's own policies and their combinations as values that a program can walk: for tables and tests.
namespace pglocks::catalogue {

namespace detail {

template <class First, class Second>
struct joined;
template <class... T, class... U>
struct joined<type_list<T...>, type_list<U...>> {
    using type = type_list<T..., U...>;
};

template <class... T, class F>
constexpr void for_each(type_list<T...>, const F& f) {
    (f(std::type_identity<T>{}), ...);
}

} // namespace detail

/// The built-in policies of an axis, as a `type_list`.
template <class Axis>
struct built_in {
    /// The list.
    using type = typename axis_traits<Axis>::built_in;
};

/// The hashes are the library's own and those of other ecosystems.
template <>
struct built_in<axis::hash> {
    /// The list.
    using type = typename detail::joined<axis_traits<axis::hash>::built_in, interop::all>::type;
};

/// Calls `f` with a `std::type_identity<Axis>` for each axis.
template <class F>
constexpr void for_each_axis(const F& f) {
    detail::for_each(axes{}, f);
}

/// Calls `f` with a `std::type_identity<Policy>` for each built-in policy of `Axis`.
template <class Axis, class F>
constexpr void for_each_policy(const F& f) {
    detail::for_each(typename built_in<Axis>::type{}, f);
}

namespace detail {

template <class F, class... Chosen>
constexpr void combine(type_list<>, const F& f, Chosen... chosen) {
    f(chosen...);
}
template <class Axis, class... Rest, class F, class... Chosen>
constexpr void combine(type_list<Axis, Rest...>, const F& f, Chosen... chosen) {
    for_each_policy<Axis>([&](auto policy) { combine(type_list<Rest...>{}, f, chosen..., policy); });
}

} // namespace detail

/// Calls `f` with a `std::type_identity` of one built-in policy of each axis, for each combination.
///
/// A loop, and no product as a type: that would cost minutes of compile time with this many hashes.
template <class F>
constexpr void for_each_combination(const F& f) {
    detail::combine(axes{}, f);
}

} // namespace pglocks::catalogue
