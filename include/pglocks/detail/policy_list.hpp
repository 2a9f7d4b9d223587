// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/policy.hpp>

#include <boost/hana/fold_left.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>

#include <concepts>
#include <type_traits>

namespace pglocks::detail {

namespace hana = boost::hana;

/// What a set of policies has for an axis: a base of the set, which finds it by the conversion.
template <class Axis, class P>
struct chosen {};
template <class Axis, class P>
std::type_identity<P> policy_on(const chosen<Axis, P>*);

template <class P>
using axis_of = typename policy_traits<P>::axis;

/// A set of policies in its canonical form: one policy for each axis, in the order of `axes`.
template <class... Selected>
struct policy_set : chosen<axis_of<Selected>, Selected>... {
    template <class Axis>
    using get = typename decltype(detail::policy_on<Axis>(static_cast<const policy_set*>(nullptr)))::type;

    /// The set in which `P` has taken the place of the policy of its axis.
    template <class P>
    using with = policy_set<std::conditional_t<std::same_as<axis_of<Selected>, axis_of<P>>, P, Selected>...>;
};

template <class Axes>
struct default_policies;
template <class... Axis>
struct default_policies<type_list<Axis...>> {
    using type = policy_set<typename axis_traits<Axis>::default_policy...>;
};

inline constexpr auto with_policy = []<class Set, class P>(hana::basic_type<Set>, hana::basic_type<P>) {
    return hana::type_c<typename Set::template with<P>>;
};

/// The one set that all spellings of `P...` share: the defaults, in which each policy takes its place. (The
/// unary plus strips the reference that is left when there is none.)
template <class... P>
using canonical_t = typename decltype(+hana::fold_left(
    hana::tuple_t<P...>, hana::type_c<default_policies<axes>::type>, with_policy))::type;

} // namespace pglocks::detail
