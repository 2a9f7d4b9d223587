// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace pglocks {

/// Tells which axis a type is a policy of: `policy_traits<T>::axis`.
///
/// A class says it with a member type `axis`. For a type one does not own, specialise this template; the
/// facts and operations that the axis asks for may then stand here as well, as static members, those of an
/// object taking the object first (see each axis's concept).
template <class T>
struct policy_traits {};

/// For a class that says its axis itself.
template <class T>
    requires requires { typename T::axis; }
struct policy_traits<T> {
    using axis = typename T::axis; ///< the class's own
};

/// What is known about an axis. Specialised once per axis, in the axis's own file, with
/// - `default_policy`: what an absent axis means;
/// - `meets<P>`: whether a policy of this axis has what the axis needs;
/// - `at_most_one<P...>`, `complete<P>`: the two checks as classes, with their sentences;
/// - `built_in`: the library's own policies, as a `type_list`, for the catalogue.
template <class Axis>
struct axis_traits;

/// Types in an order.
template <class... T>
struct type_list {};

namespace detail {

template <class T>
concept cv_unqualified = std::same_as<T, std::remove_cv_t<T>>;

template <class T>
concept defined = std::is_void_v<T> || requires { sizeof(T); };

template <class T>
concept names_an_axis = requires { typename policy_traits<T>::axis; };

} // namespace detail

/// A cv-unqualified, complete type on some axis.
template <class T>
concept policy = detail::cv_unqualified<T> && detail::defined<T> && detail::names_an_axis<T>;

/// A policy of this axis.
template <class T, class Axis>
concept policy_of = policy<T> && std::same_as<typename policy_traits<T>::axis, Axis>;

namespace rule {

/// An axis is given once at most.
template <class Axis, class... Policies>
concept at_most_one = (std::size_t{0} + ... + std::size_t{policy_of<Policies, Axis>}) <= 1;

} // namespace rule

/// A policy without state costs nothing and need not be given to a constructor.
template <class Policy>
concept stateless = std::is_empty_v<Policy> && std::default_initializable<Policy>;

} // namespace pglocks
