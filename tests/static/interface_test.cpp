// SPDX-License-Identifier: BSL-1.0
// What generic code may ask of the locks that people use, and what it costs to have one.
#include <pglocks/pglocks.hpp>

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace pglocks;
using namespace std::chrono_literals;

// The named requirements of the standard ([thread.req.lockable], [thread.sharedmutex.requirements]).
template <class L>
concept basic_lockable = requires(L& l) {
    { l.lock() } -> std::same_as<void>;
    { l.unlock() } -> std::same_as<void>;
};
template <class L>
concept lockable = basic_lockable<L> && requires(L& l) {
    { l.try_lock() } -> std::same_as<bool>;
};
template <class L>
concept timed_lockable = lockable<L> && requires(L& l, std::chrono::steady_clock::time_point when) {
    { l.try_lock_for(1ms) } -> std::same_as<bool>;
    { l.try_lock_until(when) } -> std::same_as<bool>;
};
template <class L>
concept shared_lockable = requires(L& l) {
    { l.lock_shared() } -> std::same_as<void>;
    { l.try_lock_shared() } -> std::same_as<bool>;
    { l.unlock_shared() } -> std::same_as<void>;
};
template <class L>
concept shared_timed_lockable =
    shared_lockable<L> && requires(L& l, std::chrono::steady_clock::time_point when) {
        { l.try_lock_shared_for(1ms) } -> std::same_as<bool>;
        { l.try_lock_shared_until(when) } -> std::same_as<bool>;
    };

static_assert(lockable<advisory_lock> && !timed_lockable<advisory_lock> && !shared_lockable<advisory_lock>);
static_assert(timed_lockable<polled_advisory_lock> && !shared_lockable<polled_advisory_lock>);
static_assert(!basic_lockable<try_advisory_lock> && !basic_lockable<timed_advisory_lock>);
static_assert(lockable<shared_advisory_lock> && shared_lockable<shared_advisory_lock>);
static_assert(!shared_timed_lockable<shared_advisory_lock>);
static_assert(timed_lockable<polled_shared_advisory_lock> &&
              shared_timed_lockable<polled_shared_advisory_lock>);
static_assert(!shared_lockable<try_shared_advisory_lock> && !shared_lockable<timed_shared_advisory_lock>);
static_assert(!basic_lockable<transaction_advisory_lock> &&
              !basic_lockable<shared_transaction_advisory_lock>);
static_assert(!basic_lockable<try_transaction_advisory_lock> &&
              !basic_lockable<timed_transaction_advisory_lock>);

// The aliases say what they are.
template <class L, class S, class M, class W>
concept composed_of =
    std::same_as<typename L::scope_policy, S> && std::same_as<typename L::mode_policy, M> &&
    std::same_as<typename L::wait_policy, W> && std::same_as<typename L::hash_policy, hash::postgres<>>;
static_assert(composed_of<advisory_lock, scope::session, mode::exclusive, wait::block>);
static_assert(composed_of<try_advisory_lock, scope::session, mode::exclusive, wait::none>);
static_assert(composed_of<timed_advisory_lock, scope::session, mode::exclusive, wait::timeout>);
static_assert(composed_of<polled_advisory_lock, scope::session, mode::exclusive, wait::poll<>>);
static_assert(composed_of<shared_advisory_lock, scope::session, mode::shared, wait::block>);
static_assert(composed_of<try_shared_advisory_lock, scope::session, mode::shared, wait::none>);
static_assert(composed_of<timed_shared_advisory_lock, scope::session, mode::shared, wait::timeout>);
static_assert(composed_of<polled_shared_advisory_lock, scope::session, mode::shared, wait::poll<>>);
static_assert(composed_of<transaction_advisory_lock, scope::transaction, mode::exclusive, wait::block>);
static_assert(composed_of<try_transaction_advisory_lock, scope::transaction, mode::exclusive, wait::none>);
static_assert(
    composed_of<timed_transaction_advisory_lock, scope::transaction, mode::exclusive, wait::timeout>);
static_assert(composed_of<shared_transaction_advisory_lock, scope::transaction, mode::shared, wait::block>);

// Policies without state cost nothing; the state of one that is needed only while constructing neither.
static_assert(sizeof(advisory_lock) <= 48);
static_assert(sizeof(try_advisory_lock) == sizeof(advisory_lock));
static_assert(sizeof(timed_advisory_lock) == sizeof(advisory_lock));
static_assert(sizeof(shared_advisory_lock) == sizeof(advisory_lock));
static_assert(sizeof(transaction_advisory_lock) == sizeof(advisory_lock));
static_assert(sizeof(basic_advisory_lock<hash::sha256>) == sizeof(advisory_lock));
static_assert(sizeof(basic_advisory_lock<hash::siphash>) == sizeof(advisory_lock));
static_assert(sizeof(polled_advisory_lock) <= sizeof(advisory_lock) + sizeof(jittered_exponential));

// Names: what converts to std::string_view. Keys: integers that fit, and pairs.
struct convertible_to_view {
    operator std::string_view() const;
};
template <class L, class... A>
concept from = std::is_constructible_v<L, A...>;
using sql = soci::session&;
static_assert(from<advisory_lock, sql, const char*> && from<advisory_lock, sql, char*>);
static_assert(from<advisory_lock, sql, std::string> && from<advisory_lock, sql, const std::string&>);
static_assert(from<advisory_lock, sql, std::string_view> && from<advisory_lock, sql, convertible_to_view>);
static_assert(from<advisory_lock, sql, name_constant<"x">> && from<advisory_lock, sql, decltype("x"_lock)>);
static_assert(from<advisory_lock, sql, int> && from<advisory_lock, sql, short> &&
              from<advisory_lock, sql, long long>);
static_assert(from<advisory_lock, sql, signed char> && from<advisory_lock, sql, unsigned char>);
static_assert(from<advisory_lock, sql, std::uint32_t> && from<advisory_lock, sql, lock_key>);
static_assert(!from<advisory_lock, sql, std::uint64_t> && !from<advisory_lock, sql, unsigned long long>);
static_assert(!from<advisory_lock, sql, double> && !from<advisory_lock, sql, float>);
static_assert(!from<advisory_lock, sql, bool> && !from<advisory_lock, sql, std::nullptr_t>);
static_assert(!from<advisory_lock, sql, char> && !from<advisory_lock, sql, wchar_t>);
static_assert(!from<advisory_lock, sql, char8_t> && !from<advisory_lock, sql, char16_t> &&
              !from<advisory_lock, sql, char32_t>);
static_assert(!from<advisory_lock, sql, void*> && !from<advisory_lock, sql, const char8_t*>);
static_assert(!from<advisory_lock, sql, int, int>);
static_assert(from<lock_key, int, int> && from<lock_key, std::uint16_t, std::int32_t>);
static_assert(!from<lock_key, int, std::uint32_t> && !from<lock_key, std::int64_t, int>);
static_assert(!from<lock_key, bool, int> && !from<lock_key, int, char> && !from<lock_key, int, double>);
static_assert(!from<lock_key> && !from<lock_key, const char*>);

// A session must be there to be used: neither a temporary nor a constant one.
static_assert(!from<advisory_lock, soci::session, const char*> &&
              !from<advisory_lock, const soci::session&, const char*>);
static_assert(!from<advisory_lock, const char*> && !from<advisory_lock, soci::session*, const char*>);

// Nothing converts to a lock by itself.
static_assert(!std::convertible_to<sql, advisory_lock> &&
              !std::convertible_to<transaction&, transaction_advisory_lock>);
static_assert(!std::convertible_to<std::int64_t, advisory_lock>);

// A key has the size of what it holds, and is a value.
static_assert(std::regular<std::optional<lock_key>> &&
              std::three_way_comparable<lock_key, std::strong_ordering>);
static_assert(std::is_trivially_copyable_v<lock_key> && sizeof(lock_key) <= 16);

// What follows is compiled, and not run: a server would be needed.
[[maybe_unused]] void every_form_that_a_reader_knows(soci::session& s, soci::session& other,
                                                     soci::connection_pool& pool, soci::transaction& plain,
                                                     transaction& tx, const std::string& name,
                                                     const std::stop_token& stop) {
    const advisory_lock a(s, "a");
    const advisory_lock b(s, name);
    const advisory_lock c(s, 0);
    const advisory_lock d(s, {0, 5});
    const advisory_lock e(s, lock_key(1, 2));
    const advisory_lock f(s, "a"_lock);
    const advisory_lock g(s, "x", stop);
    const advisory_lock h(s, "x", std::defer_lock);
    const advisory_lock i(s, "invoice:" + name);
    const advisory_lock j(pool, "x", std::try_to_lock);
    const advisory_lock k(s, {1, 2}, std::adopt_lock);
    const timed_advisory_lock t(s, "a", 250ms);
    const timed_advisory_lock u(s, "a", std::chrono::steady_clock::now() + 1s, stop);
    const timed_advisory_lock v(s, "a", stop, 0.5s);
    const basic_advisory_lock<hash::siphash, wait::poll<>> p(s, "x", hash::siphash({}), wait::poll<>{}, 3s);
    const transaction_advisory_lock q(s, plain, "invoice:17");
    const transaction_advisory_lock r(tx, {17, 4});
    std::optional<advisory_lock> optional;
    optional.emplace(s, "a literal through a forwarder");
    const auto pointer = std::make_unique<advisory_lock>(s, "x"_lock);
    std::vector<advisory_lock> several;
    several.emplace_back(s, "x");
    several.emplace_back(other, 1);
    const auto factory = [&] { return transaction_advisory_lock(tx, "x"); };
    const transaction_advisory_lock made = factory();
    if (const try_advisory_lock guard(s, "x"); guard) {
        return;
    }
}

[[maybe_unused]] void every_owner_of_the_standard_library(soci::session& s, soci::session& other) {
    {
        advisory_lock x(s, "x", std::defer_lock);
        advisory_lock y(other, "y", std::defer_lock);
        const std::scoped_lock both(x, y);
    }
    {
        advisory_lock x(s, "x", std::defer_lock);
        polled_shared_advisory_lock y(other, "y", std::defer_lock);
        std::lock(x, y);
        const std::scoped_lock both(std::adopt_lock, x, y);
    }
    {
        advisory_lock x(s, "x", std::defer_lock);
        advisory_lock y(other, "y", std::defer_lock);
        static_cast<void>(std::try_lock(x, y));
    }
    {
        advisory_lock x(s, "x", std::defer_lock);
        std::unique_lock owner(x);
        std::condition_variable_any arrived;
        arrived.wait_for(owner, 1ms);
    }
    {
        advisory_lock x(s, "x", std::defer_lock);
        const std::lock_guard owner(x);
    }
    {
        polled_advisory_lock x(s, "x", std::defer_lock);
        const std::unique_lock owner(x, 10ms);
    }
    {
        timed_advisory_lock x(s, "x", std::defer_lock);
        std::unique_lock owner(x, std::defer_lock);
        static_cast<void>(owner.try_lock_for(10ms));
    }
    {
        try_advisory_lock x(s, "x", std::defer_lock);
        const std::unique_lock owner(x, std::try_to_lock);
    }
    {
        shared_advisory_lock x(s, "x", std::defer_lock);
        const std::shared_lock owner(x);
    }
    {
        polled_shared_advisory_lock x(s, "x", std::defer_lock);
        const std::shared_lock owner(x, std::chrono::steady_clock::now() + 10ms);
    }
}

TEST(interface, a_lock_without_a_session_owns_nothing_and_can_be_moved_about) {
    advisory_lock lock;
    advisory_lock other(std::move(lock));
    lock = std::move(other);
    swap(lock, other);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_FALSE(lock.lost());
    EXPECT_FALSE(lock.pending());
    EXPECT_EQ(lock.session(), nullptr);
    EXPECT_EQ(lock.backend_pid(), 0);
}

} // namespace
