// SPDX-License-Identifier: BSL-1.0
// A user's own policies on every axis, in the user's own namespace and for types that are not the user's;
// what is no policy is answered with no, and not with an error.
#include <pglocks/pglocks.hpp>

#include "lock_operations.hpp"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace app {

struct while_connected {
    using axis = pglocks::axis::scope;
    static constexpr bool ends_with_transaction = false;
};
struct with_the_transaction {
    using axis = pglocks::axis::scope;
    static constexpr bool ends_with_transaction = true;
};
struct reader {
    using axis = pglocks::axis::mode;
    static constexpr bool is_shared = true;
};
struct writer {
    using axis = pglocks::axis::mode;
    static constexpr bool is_shared = false;
};

/// Tries a few times before it queues.
struct impatient {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;

    unsigned tries; // no default: the value is given to the constructor

    explicit constexpr impatient(unsigned t) : tries(t) {}

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        for (unsigned i = 0; i < tries; ++i) {
            if (const auto end = lock.attempt(); end != pglocks::outcome::busy) {
                return end;
            }
        }
        return lock.queue(until);
    }
};

/// The first bytes of the name: no state, and not for every name.
struct prefix {
    using axis = pglocks::axis::hash;
    [[nodiscard]] static constexpr bool accepts(std::string_view name) noexcept { return !name.empty(); }
    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return name.front();
    }
};
/// A pair of the tenant and the name's length.
struct of_tenant {
    using axis = pglocks::axis::hash;
    std::int32_t tenant = 0;
    [[nodiscard]] constexpr pglocks::lock_key key_of(std::string_view name) const noexcept {
        return {tenant, static_cast<std::int32_t>(name.size())};
    }
};

} // namespace app

namespace vendor {

struct scope {};
struct mode {};
struct wait {
    unsigned tries = 3;
};
struct hash {
    std::int64_t salt = 0;
};
struct stateless_hash {};
struct something_else {};

} // namespace vendor

template <>
struct pglocks::policy_traits<vendor::scope> {
    using axis = pglocks::axis::scope;
    static constexpr bool ends_with_transaction = true;
};
template <>
struct pglocks::policy_traits<vendor::mode> {
    using axis = pglocks::axis::mode;
    static constexpr bool is_shared = true;
};
template <>
struct pglocks::policy_traits<vendor::wait> {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = false;
    static constexpr bool bounded = true;
    static outcome acquire(const vendor::wait& strategy, acquisition auto& lock, deadline until) {
        return strategy.tries > 0 ? lock.queue(until) : lock.attempt();
    }
};
template <>
struct pglocks::policy_traits<vendor::hash> {
    using axis = pglocks::axis::hash;
    static constexpr std::int64_t key_of(const vendor::hash& h, std::string_view name) noexcept {
        return h.salt + static_cast<std::int64_t>(name.size());
    }
    static constexpr bool accepts(const vendor::hash& /*h*/, std::string_view name) noexcept {
        return name != "forbidden";
    }
};
template <>
struct pglocks::policy_traits<vendor::stateless_hash> {
    using axis = pglocks::axis::hash;
    static constexpr std::int64_t key_of(const vendor::stateless_hash& /*h*/,
                                         std::string_view name) noexcept {
        return static_cast<std::int64_t>(name.size());
    }
};

namespace {

using namespace pglocks;
using namespace std::chrono_literals;

template <class L, class... A>
concept from = std::is_constructible_v<L, A...>;
using pglocks_test::has_lock;
using pglocks_test::has_lock_shared;
using pglocks_test::has_try_lock_for;
using pglocks_test::has_unlock;
using sql = soci::session&;

// Order, and defaults that are written out, make no difference to the body that all share.
template <class... P>
using body = detail::body_for<P...>;
template <class L, class... P>
concept shares_the_body_of = std::derived_from<L, body<P...>>;
static_assert(
    shares_the_body_of<advisory_lock, scope::session, mode::exclusive, wait::block, hash::postgres<>>);
static_assert(shares_the_body_of<advisory_lock, hash::postgres<0>, wait::block>);
static_assert(
    shares_the_body_of<basic_advisory_lock<hash::sha256, mode::shared>, mode::shared, hash::sha256>);
static_assert(shares_the_body_of<basic_advisory_lock<hash::sha256, mode::shared>, mode::shared, wait::block,
                                 hash::sha256>);
static_assert(shares_the_body_of<basic_advisory_lock<app::reader, app::of_tenant>, scope::session,
                                 app::of_tenant, app::reader>);
static_assert(!shares_the_body_of<advisory_lock, mode::shared> &&
              !shares_the_body_of<advisory_lock, hash::postgres<1>>);
static_assert(std::same_as<body<>, body<wait::block>> && !std::same_as<body<>, body<app::writer>>);

// The user's own.
using own_session_lock = basic_advisory_lock<app::while_connected, app::reader, app::impatient, app::prefix>;
static_assert(valid_policy_set<app::while_connected, app::reader, app::impatient, app::prefix>);
static_assert(has_unlock<own_session_lock> && has_lock<own_session_lock> &&
              has_try_lock_for<own_session_lock> && has_lock_shared<own_session_lock>);
static_assert(from<own_session_lock, sql, const char*, app::impatient> &&
              !from<own_session_lock, sql, const char*>);
static_assert(from<own_session_lock, sql, lock_key, app::impatient, std::chrono::seconds>);
static_assert(!from<own_session_lock, sql, const char*, app::impatient, app::impatient>);
static_assert(!from<own_session_lock, sql, const char*, app::impatient, app::prefix>);
static_assert(std::same_as<own_session_lock::wait_policy, app::impatient> &&
              std::same_as<own_session_lock::hash_policy, app::prefix>);

using own_transaction_lock = basic_advisory_lock<app::of_tenant, app::with_the_transaction, app::writer>;
static_assert(!has_unlock<own_transaction_lock> && has_lock<own_transaction_lock> &&
              !has_lock_shared<own_transaction_lock>);
static_assert(from<own_transaction_lock, transaction&, const char*, app::of_tenant>);
static_assert(from<own_transaction_lock, transaction&, const char*>); // its state has a default
static_assert(!from<own_transaction_lock, sql, const char*>);
static_assert(key_of("report", app::of_tenant{.tenant = 7}) == lock_key(7, 6));
static_assert(key_of<app::prefix>("a") == lock_key('a' + 0));

// State that is needed while constructing is not kept; state of a wait strategy is.
static_assert(sizeof(basic_advisory_lock<app::of_tenant>) == sizeof(advisory_lock));
static_assert(sizeof(basic_advisory_lock<app::reader>) == sizeof(advisory_lock));
static_assert(sizeof(basic_advisory_lock<app::impatient>) <= sizeof(advisory_lock) + alignof(void*));

// Types that are not the user's.
using adapted_lock = basic_advisory_lock<vendor::mode, vendor::hash, vendor::scope, vendor::wait>;
static_assert(valid_policy_set<vendor::mode, vendor::hash, vendor::scope, vendor::wait>);
static_assert(!has_unlock<adapted_lock> && !has_lock<adapted_lock> && has_try_lock_for<adapted_lock>);
static_assert(
    from<adapted_lock, transaction&, const char*, std::chrono::seconds, vendor::hash, vendor::wait>);
static_assert(!from<adapted_lock, transaction&, const char*> &&
              !from<adapted_lock, sql, const char*, std::chrono::seconds>);
static_assert(key_of("report", vendor::hash{.salt = 100}) == lock_key(106));
static_assert(key_of<vendor::stateless_hash>("report") == lock_key(6));
static_assert(valid_policy_set<hash::in_namespace<3, vendor::stateless_hash>>);
static_assert(key_of<hash::in_namespace<3, vendor::stateless_hash>>("report") == lock_key(3, 6));
static_assert(valid_policy_set<hash::in_namespace<3, hash::siphash>, wait::poll<fixed_pause>>);

// An own policy stands on the same axis as the library's.
static_assert(!valid_policy_set<app::reader, mode::exclusive> && !valid_policy_set<app::reader, app::writer>);
static_assert(!valid_policy_set<vendor::wait, wait::none> && !valid_policy_set<vendor::hash, app::prefix>);

// What is no policy, or lacks what its axis needs, is answered with no.
struct declared_only;
struct on_another_axis {
    using axis = vendor::something_else;
};
template <class Axis>
struct hollow {
    using axis = Axis;
};
struct throwing_hash : hollow<axis::hash> {
    std::int64_t key_of(std::string_view name) const;
};
struct texts : hollow<axis::hash> {
    [[nodiscard]] std::string_view key_of(std::string_view name) const noexcept;
};
struct unsigned_numbers : hollow<axis::hash> {
    [[nodiscard]] std::uint64_t key_of(std::string_view name) const noexcept;
};
struct facts_only : hollow<axis::wait> {
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;
};
struct call_only : hollow<axis::wait> {
    outcome operator()(acquisition auto& lock, deadline until) const { return lock.queue(until); }
};
struct yes_or_no : facts_only {
    bool operator()(acquisition auto& lock, deadline until) const {
        return lock.queue(until) == outcome::acquired;
    }
};
struct picky : facts_only { // takes one kind of acquisition only
    struct own_acquisition;
    outcome operator()(own_acquisition& lock, deadline until) const;
};
struct changing_mode : hollow<axis::mode> {
    static inline bool is_shared = false;
};
struct changing_scope : hollow<axis::scope> {
    static inline bool ends_with_transaction = false;
};
struct no_backoff {};

static_assert(valid_policy_set<> && !valid_policy_set<int> && !valid_policy_set<void> &&
              !valid_policy_set<vendor::something_else>);
static_assert(!valid_policy_set<const mode::shared> && !valid_policy_set<volatile mode::shared> &&
              !valid_policy_set<mode::shared&>);
static_assert(!valid_policy_set<declared_only> && !valid_policy_set<mode::shared[]> &&
              !valid_policy_set<mode::shared()>);
static_assert(!valid_policy_set<on_another_axis> && !valid_policy_set<mode::shared, on_another_axis>);
static_assert(!valid_policy_set<hollow<axis::scope>> && !valid_policy_set<hollow<axis::mode>>);
static_assert(!valid_policy_set<hollow<axis::wait>> && !valid_policy_set<hollow<axis::hash>>);
static_assert(!valid_policy_set<throwing_hash> && !valid_policy_set<texts> &&
              !valid_policy_set<unsigned_numbers>);
static_assert(!valid_policy_set<facts_only> && !valid_policy_set<call_only> && !valid_policy_set<yes_or_no> &&
              !valid_policy_set<picky>);
static_assert(!valid_policy_set<changing_mode> && !valid_policy_set<changing_scope>);
static_assert(!valid_policy_set<wait::poll<no_backoff>> &&
              !valid_policy_set<hash::in_namespace<1, hash::none>>);

// A policy may be final, and may derive from another.
struct last final {
    using axis = axis::mode;
    static constexpr bool is_shared = true;
};
struct derived_hash : hash::siphash {
    using siphash::siphash;
};
static_assert(valid_policy_set<last, derived_hash>);
static_assert(from<basic_advisory_lock<last, derived_hash>, sql, const char*, derived_hash>);
static_assert(!from<basic_advisory_lock<last, derived_hash>, sql, const char*, hash::siphash>);

TEST(own_policies, answer_for_names_that_they_do_not_accept) {
    EXPECT_THROW(static_cast<void>(key_of<app::prefix>("")), refused);
    EXPECT_THROW(static_cast<void>(key_of("forbidden", vendor::hash{})), refused);
    EXPECT_EQ(key_of("allowed", vendor::hash{}), lock_key(7));
}

} // namespace
