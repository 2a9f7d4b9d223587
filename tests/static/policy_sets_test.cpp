// SPDX-License-Identifier: BSL-1.0
// Every subset and every order of the built-in policies, compared with the rule that an axis is given once at
// most.
#include <pglocks/detail/policy_list.hpp>
#include <pglocks/policy/catalogue.hpp>
#include <pglocks/policy/rules.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace {

using pglocks::type_list;
using pglocks::valid_policy_set;

template <class First, class Second>
using joined = typename pglocks::catalogue::detail::joined<First, Second>::type;

template <class Axis>
using built_in = typename pglocks::catalogue::built_in<Axis>::type;

template <class List>
inline constexpr std::size_t length = 0;
template <class... T>
inline constexpr std::size_t length<type_list<T...>> = sizeof...(T);

/// An axis is absent, or has one of its policies.
template <class List>
inline constexpr std::size_t choices = length<List> + 1;

/// One hash without state, one with, and the one that is none.
using hash_kinds = type_list<pglocks::hash::sha256, pglocks::hash::siphash, pglocks::hash::none>;

using scope_list = built_in<pglocks::axis::scope>;
using mode_list = built_in<pglocks::axis::mode>;
using wait_list = built_in<pglocks::axis::wait>;
static_assert(length<scope_list> >= 2 && length<mode_list> >= 2 && length<wait_list> >= 4);

/// All policies but for the hashes, of which there is one of each kind.
using policies = joined<joined<scope_list, mode_list>, joined<wait_list, hash_kinds>>;

/// The bits of `count` policies behind `before` others.
constexpr unsigned bits(std::size_t before, std::size_t count) { return ((1U << count) - 1U) << before; }

// Where each axis has its bits in a set of them.
constexpr unsigned scopes = bits(0, length<scope_list>);
constexpr unsigned modes = bits(length<scope_list>, length<mode_list>);
constexpr unsigned waits = bits(length<scope_list> + length<mode_list>, length<wait_list>);
constexpr unsigned hashes =
    bits(length<scope_list> + length<mode_list> + length<wait_list>, length<hash_kinds>);
constexpr unsigned all_sets = 1U << length<policies>;

/// The rule, by hand.
constexpr bool gives_no_axis_twice(unsigned set) {
    return std::popcount(set & scopes) <= 1 && std::popcount(set & modes) <= 1 &&
           std::popcount(set & waits) <= 1 && std::popcount(set & hashes) <= 1;
}

template <unsigned Set, class Chosen, class Policies>
struct subset {
    using type = Chosen;
};
template <unsigned Set, class... Chosen, class First, class... Rest>
struct subset<Set, type_list<Chosen...>, type_list<First, Rest...>>
    : std::conditional_t<(Set & 1U) != 0,
                         subset<(Set >> 1U), type_list<Chosen..., First>, type_list<Rest...>>,
                         subset<(Set >> 1U), type_list<Chosen...>, type_list<Rest...>>> {};

template <class List>
inline constexpr bool is_valid = false;
template <class... P>
inline constexpr bool is_valid<type_list<P...>> = valid_policy_set<P...>;

template <unsigned Set>
using set_of = typename subset<Set, type_list<>, policies>::type;

template <unsigned... Set>
constexpr auto validity(std::integer_sequence<unsigned, Set...>) {
    return std::array<bool, sizeof...(Set)>{is_valid<set_of<Set>>...};
}

TEST(policy_set, is_valid_exactly_if_no_axis_is_given_twice) {
    constexpr auto valid = validity(std::make_integer_sequence<unsigned, all_sets>());
    std::size_t count = 0;
    for (unsigned set = 0; set < all_sets; ++set) {
        EXPECT_EQ(valid[set], gives_no_axis_twice(set)) << "the set with the bits " << set;
        count += valid[set] ? 1U : 0U;
    }
    EXPECT_EQ(count, choices<scope_list> * choices<mode_list> * choices<wait_list> * choices<hash_kinds>);
}

template <std::size_t N>
constexpr std::size_t factorial = N * factorial<N - 1>;
template <>
constexpr std::size_t factorial<0> = 1;

/// All orders of N things.
template <std::size_t N>
constexpr auto orders = [] {
    std::array<std::array<std::size_t, N>, factorial<N>> all{};
    std::array<std::size_t, N> order{};
    for (std::size_t i = 0; i < N; ++i) {
        order[i] = i;
    }
    for (auto& one : all) {
        one = order;
        std::next_permutation(order.begin(), order.end());
    }
    return all;
}();

/// The policies in the order with this number.
template <std::size_t Order, class... P>
struct reordered {
    template <std::size_t... I>
    static type_list<std::tuple_element_t<orders<sizeof...(P)>[Order][I], std::tuple<P...>>...>
        in_order(std::index_sequence<I...>);
    using type = decltype(in_order(std::index_sequence_for<P...>()));
};

template <class... P>
constexpr std::size_t count_valid_orders(type_list<P...>) {
    return []<std::size_t... Order>(std::index_sequence<Order...>) {
        return (std::size_t{0} + ... + std::size_t{is_valid<typename reordered<Order, P...>::type>});
    }(std::make_index_sequence<factorial<sizeof...(P)>>());
}

/// An invalid set that is larger is not walked: the orders are many, and g++ takes minutes for them.
constexpr int largest_invalid_set = 3;

template <unsigned Set>
constexpr bool is_as_valid_in_every_order() {
    if constexpr (gives_no_axis_twice(Set)) {
        return count_valid_orders(set_of<Set>()) == factorial<length<set_of<Set>>>;
    } else if constexpr (std::popcount(Set) <= largest_invalid_set) {
        return count_valid_orders(set_of<Set>()) == 0;
    } else {
        return true;
    }
}

template <unsigned... Set>
constexpr auto order_independence(std::integer_sequence<unsigned, Set...>) {
    return std::array<bool, sizeof...(Set)>{is_as_valid_in_every_order<Set>()...};
}

TEST(policy_set, is_as_valid_in_every_order) {
    constexpr auto independent = order_independence(std::make_integer_sequence<unsigned, all_sets>());
    for (unsigned set = 0; set < all_sets; ++set) {
        EXPECT_TRUE(independent[set]) << "the set with the bits " << set;
    }
}

template <class List>
struct canonical;
template <class... P>
struct canonical<type_list<P...>> {
    using type = pglocks::detail::canonical_t<P...>;
};

template <class... P>
constexpr std::size_t count_canonical_orders(type_list<P...> set) {
    return []<std::size_t... Order>(std::index_sequence<Order...>) {
        return (std::size_t{0} + ... +
                std::size_t{std::same_as<typename canonical<typename reordered<Order, P...>::type>::type,
                                         typename canonical<decltype(set)>::type>});
    }(std::make_index_sequence<factorial<sizeof...(P)>>());
}

TEST(policy_set, has_one_canonical_form_in_every_order) {
    using namespace pglocks;
    static_assert(count_canonical_orders(
                      type_list<scope::transaction, mode::shared, wait::poll<>, hash::sha256>()) == 24);
    static_assert(
        count_canonical_orders(type_list<scope::session, mode::shared, wait::none, hash::siphash>()) == 24);
    static_assert(count_canonical_orders(type_list<scope::transaction, wait::timeout, hash::none>()) == 6);
    static_assert(count_canonical_orders(type_list<mode::shared, wait::none>()) == 2);
}

template <class Hash, class... P>
inline constexpr bool pairs_are_refused = (!valid_policy_set<Hash, P> && ...);

template <class... Hash>
constexpr bool every_hash_alone(type_list<Hash...>) {
    return (valid_policy_set<Hash> && ...) && (pairs_are_refused<Hash, Hash...> && ...);
}

TEST(policy_set, takes_every_hash_and_no_two_of_them) {
    static_assert(length<built_in<pglocks::axis::hash>> >= 25);
    static_assert(every_hash_alone(built_in<pglocks::axis::hash>()));
}

TEST(policy_set, is_valid_for_every_combination_of_the_catalogue) {
    std::size_t count = 0;
    pglocks::catalogue::for_each_combination([&]<class... Policy>(std::type_identity<Policy>...) {
        static_assert(valid_policy_set<Policy...>);
        ++count;
    });
    std::size_t product = 1;
    pglocks::catalogue::for_each_axis(
        [&]<class Axis>(std::type_identity<Axis>) { product *= length<built_in<Axis>>; });
    EXPECT_EQ(count, product);
    EXPECT_GE(count, 2U * 2U * 4U * 25U);
}

} // namespace
