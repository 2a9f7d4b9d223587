// SPDX-License-Identifier: BSL-1.0
#pragma once

/// Tries to build locks from all kinds of arguments, and compares what works with the rules written by hand.

#include <pglocks/pglocks.hpp>
#include <pglocks/policy/catalogue.hpp>

#include "expected_rules.hpp"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <type_traits>

namespace pglocks_test {

using enum resource;
using enum subject;
using enum option;

template <class... T>
struct arguments {};

template <resource From>
struct first;
template <>
struct first<resource::session> {
    using type = arguments<soci::session&>;
};
template <>
struct first<resource::pool> {
    using type = arguments<soci::connection_pool&>;
};
template <>
struct first<resource::known_transaction> {
    using type = arguments<pglocks::transaction&>;
};
template <>
struct first<resource::session_and_transaction> {
    using type = arguments<soci::session&, soci::transaction&>;
};
template <>
struct first<resource::transaction_alone> {
    using type = arguments<soci::transaction&>;
};

template <subject What>
struct second;
template <>
struct second<subject::name> {
    using type = arguments<const char (&)[7]>;
};
template <>
struct second<subject::key> {
    using type = arguments<pglocks::lock_key>;
};
template <>
struct second<subject::number> {
    using type = arguments<double>;
};
template <>
struct second<subject::nothing> {
    using type = arguments<>;
};

template <option How>
struct further;
template <>
struct further<option::defer_lock> {
    using type = arguments<std::defer_lock_t>;
};
template <>
struct further<option::try_to_lock> {
    using type = arguments<std::try_to_lock_t>;
};
template <>
struct further<option::adopt_lock> {
    using type = arguments<std::adopt_lock_t>;
};
template <>
struct further<option::duration> {
    using type = arguments<std::chrono::minutes>;
};
template <>
struct further<option::time_point> {
    using type = arguments<std::chrono::system_clock::time_point>;
};
template <>
struct further<option::stop_token> {
    using type = arguments<std::stop_token>;
};
template <>
struct further<option::hash_value> {
    using type = arguments<const pglocks::hash::siphash&>;
};
template <>
struct further<option::wait_value> {
    using type = arguments<pglocks::wait::poll<>>;
};
template <>
struct further<option::something_else> {
    using type = arguments<const char*>;
};

template <class L, class... List>
struct built_from;
template <class L, class... T>
struct built_from<L, arguments<T...>> {
    static constexpr bool value = std::is_constructible_v<L, T...>;
};
template <class L, class... T, class... U, class... Rest>
struct built_from<L, arguments<T...>, arguments<U...>, Rest...>
    : built_from<L, arguments<T..., U...>, Rest...> {};

struct attempt {
    resource from;
    subject what;
    std::array<option, 3> how;
    std::size_t count;
    bool works;
};

template <class L, resource From, subject What, option... How>
inline constexpr attempt tried{From,
                               What,
                               {How...},
                               sizeof...(How),
                               built_from<L, typename first<From>::type, typename second<What>::type,
                                          typename further<How>::type...>::value};

/// Everything that may follow a name or a key.
template <class L, resource From, subject What>
inline constexpr auto tried_with_options = std::to_array<attempt>({
    tried<L, From, What>,
    tried<L, From, What, defer_lock>,
    tried<L, From, What, try_to_lock>,
    tried<L, From, What, adopt_lock>,
    tried<L, From, What, duration>,
    tried<L, From, What, time_point>,
    tried<L, From, What, stop_token>,
    tried<L, From, What, hash_value>,
    tried<L, From, What, wait_value>,
    tried<L, From, What, something_else>,
    tried<L, From, What, duration, stop_token>,
    tried<L, From, What, stop_token, time_point>,
    tried<L, From, What, hash_value, defer_lock>,
    tried<L, From, What, duration, hash_value>,
    tried<L, From, What, wait_value, stop_token, duration>,
    tried<L, From, What, hash_value, wait_value>,
    tried<L, From, What, wait_value, wait_value>,
    tried<L, From, What, hash_value, hash_value>,
    tried<L, From, What, defer_lock, try_to_lock>,
    tried<L, From, What, try_to_lock, try_to_lock>,
    tried<L, From, What, try_to_lock, duration>,
    tried<L, From, What, duration, time_point>,
    tried<L, From, What, stop_token, defer_lock>,
    tried<L, From, What, stop_token, stop_token>,
});

/// What a lock of any other first two arguments is tried with.
template <class L>
inline constexpr auto tried_alone = std::to_array<attempt>({
    tried<L, resource::session, subject::nothing>,
    tried<L, resource::session, number>,
    tried<L, resource::session, number, defer_lock>,
    tried<L, pool, subject::nothing>,
    tried<L, pool, number>,
    tried<L, known_transaction, subject::nothing>,
    tried<L, known_transaction, number>,
    tried<L, session_and_transaction, subject::nothing>,
    tried<L, session_and_transaction, number>,
    tried<L, transaction_alone, subject::nothing>,
    tried<L, transaction_alone, name>,
    tried<L, transaction_alone, key>,
    tried<L, transaction_alone, name, defer_lock>,
});

template <class L, resource From>
inline constexpr auto tried_shortly = std::to_array<attempt>({
    tried<L, From, name>,
    tried<L, From, key>,
    tried<L, From, name, defer_lock>,
    tried<L, From, name, hash_value>,
    tried<L, From, name, hash_value, defer_lock>,
    tried<L, From, key, defer_lock>,
    tried<L, From, key, hash_value, defer_lock>,
});

inline bool is_allowed(const row& r, const attempt& a) {
    switch (a.count) {
    case 0:
        return allows(r, a.from, a.what, {});
    case 1:
        return allows(r, a.from, a.what, {a.how[0]});
    case 2:
        return allows(r, a.from, a.what, {a.how[0], a.how[1]});
    default:
        return allows(r, a.from, a.what, {a.how[0], a.how[1], a.how[2]});
    }
}

void compare(const row& r, const auto& attempts, const char* combination) {
    for (const attempt& a : attempts) {
        EXPECT_EQ(a.works, is_allowed(r, a))
            << "resource " << static_cast<int>(a.from) << ", subject " << static_cast<int>(a.what) << ", "
            << a.count << " options, the first " << static_cast<int>(a.how[0]) << ", "
            << static_cast<int>(a.how[1]) << ", " << static_cast<int>(a.how[2]) << ": " << combination;
    }
}

template <resource From, class Scope, class Hash>
void compare_options() {
    using namespace pglocks;
    constexpr bool fits = scope_row<Scope>::from_session == (From == resource::session || From == pool);
    catalogue::for_each_policy<axis::wait>([]<class W>(std::type_identity<W>) {
        using lock = basic_advisory_lock<Scope, W, Hash>;
        const row& r = row_of<Scope, mode::exclusive, W, Hash>;
        const char* const combination = spelled<Scope, mode::exclusive, W, Hash>();
        if constexpr (fits) {
            compare(r, tried_with_options<lock, From, name>, combination);
            compare(r, tried_with_options<lock, From, key>, combination);
        } else { // wrong already, whatever follows
            compare(r, tried_shortly<lock, From>, combination);
        }
    });
}

/// With each kind of hash: without state, with, and none.
template <resource From>
void compare_options_from() {
    pglocks::catalogue::for_each_policy<pglocks::axis::scope>([]<class S>(std::type_identity<S>) {
        compare_options<From, S, pglocks::hash::sha256>();
        compare_options<From, S, pglocks::hash::siphash>();
        compare_options<From, S, pglocks::hash::none>();
    });
}

} // namespace pglocks_test
