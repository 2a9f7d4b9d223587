// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/policy.hpp>

#include <boost/hana/find_if.hpp>
#include <boost/hana/optional.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>

#include <type_traits>

namespace pglocks::detail {

namespace hana = boost::hana;

template <class Axis>
inline constexpr auto is_on = []<class P>(hana::basic_type<P>) { return hana::bool_c<policy_of<P, Axis>>; };

/// The policy of `Axis` among `P...`, or the axis's default. (The unary plus strips value_or's reference.)
template <class Axis, class... P>
using select_t =
    typename decltype(+hana::find_if(hana::tuple_t<P...>, is_on<Axis>)
                           .value_or(hana::type_c<typename axis_traits<Axis>::default_policy>))::type;

/// What a set of policies has for an axis: a base of the set, which finds it by the conversion.
template <class Axis, class P>
struct chosen {};
template <class Axis, class P>
std::type_identity<P> policy_on(const chosen<Axis, P>*);

/// A set of policies in its canonical form: one policy for each axis, in the order of `axes`.
template <class... Selected>
struct policy_set : chosen<typename policy_traits<Selected>::axis, Selected>... {
    template <class Axis>
    using get = typename decltype(detail::policy_on<Axis>(static_cast<const policy_set*>(nullptr)))::type;
};

template <class Axes, class... P>
struct canonical;

template <class... Axis, class... P>
struct canonical<type_list<Axis...>, P...> {
    using type = policy_set<select_t<Axis, P...>...>;
};

/// The one set that all spellings of `P...` share.
template <class... P>
using canonical_t = typename canonical<axes, P...>::type;

} // namespace pglocks::detail
