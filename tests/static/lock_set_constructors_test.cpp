// SPDX-License-Identifier: BSL-1.0
// What sets of locks are constructible from, and which operations they have.
#include <pglocks/pglocks.hpp>

#include <soci/connection-pool.h>
#include <soci/soci.h>

#include <array>
#include <chrono>
#include <concepts>
#include <deque>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using namespace pglocks;
using std::chrono::seconds;

using set = advisory_lock_set<>;
using timed_set = advisory_lock_set<wait::timeout>;
using transaction_set = advisory_lock_set<scope::transaction>;
template <class T, class... A>
inline constexpr bool takes = std::is_constructible_v<T, A...>;
using names = std::vector<std::string>;

// Ranges of names and of keys, also those that one cannot index.
static_assert(takes<set, soci::session&, names> && takes<set, soci::session&, const names&>);
static_assert(takes<set, soci::session&, std::deque<std::string_view>>);
static_assert(takes<set, soci::session&, const char* [3]>);
static_assert(takes<set, soci::session&, std::span<const lock_key>>);
static_assert(takes<set, soci::session&, std::vector<int>> &&
              takes<set, soci::session&, std::vector<lock_key>>);
static_assert(takes<set, soci::session&, std::array<long, 0>>);
static_assert(takes<set, soci::connection_pool&, names>);
static_assert(!takes<set, soci::session&, std::string> && !takes<set, soci::session&, const char*>);
static_assert(!takes<set, soci::session&, int> && !takes<set, soci::session&, lock_key>);
static_assert(!takes<set, soci::session&, std::vector<unsigned long>>);
static_assert(!takes<set, soci::session&, std::vector<double>>);
static_assert(!takes<set, soci::session&, std::vector<char>>);
static_assert(!takes<set, soci::session&, std::vector<bool>>);
static_assert(!takes<set, soci::session&> && !takes<set, names> && !takes<set, soci::session*, names>);
static_assert(!takes<advisory_lock_set<hash::none>, soci::session&, names>);
static_assert(takes<advisory_lock_set<hash::none>, soci::session&, std::vector<int>>);

// The other arguments are those of one lock.
static_assert(takes<set, soci::session&, names, std::defer_lock_t>);
static_assert(takes<set, soci::session&, names, std::adopt_lock_t>);
static_assert(takes<set, soci::session&, names, std::stop_token>);
static_assert(!takes<set, soci::session&, names, seconds>);
static_assert(takes<timed_set, soci::session&, names, seconds, std::stop_token>);
static_assert(!takes<timed_set, soci::session&, names>);
static_assert(!takes<set, soci::connection_pool&, names, std::adopt_lock_t>);
static_assert(takes<advisory_lock_set<hash::siphash>, soci::session&, names, hash::siphash>);
static_assert(!takes<advisory_lock_set<hash::siphash>, soci::session&, names>);

// Transaction scope.
static_assert(takes<transaction_set, transaction&, names>);
static_assert(takes<transaction_set, soci::session&, soci::transaction&, names>);
static_assert(!takes<transaction_set, soci::session&, names> && !takes<set, transaction&, names>);
static_assert(!takes<transaction_set, transaction&, names, std::adopt_lock_t>);
static_assert(std::is_default_constructible_v<set> && !std::is_default_constructible_v<transaction_set>);
static_assert(std::movable<set> && !std::copyable<set> && !std::movable<transaction_set>);
static_assert(std::is_nothrow_move_constructible_v<set> && std::is_nothrow_swappable_v<set>);

// The operations are those of one lock; there are keys instead of a key.
static_assert(requires(set& s) {
    s.lock();
    s.unlock();
    { s.try_lock() } -> std::same_as<bool>;
    { s.release() } -> std::same_as<lock_keys>;
    { s.keys() } noexcept -> std::same_as<lock_keys>;
    { s.lost() } noexcept -> std::same_as<bool>;
    { s.pending() } noexcept -> std::same_as<bool>;
});
template <class T>
concept has_a_key = requires(const T& t) { t.key(); };
static_assert(has_a_key<advisory_lock> && !has_a_key<set>);
template <class T>
concept can_unlock = requires(T& t) { t.unlock(); };
static_assert(can_unlock<set> && !can_unlock<transaction_set>);
static_assert(requires(timed_set& s) { s.try_lock_for(seconds(1)); });
static_assert(requires(advisory_lock_set<mode::shared>& s) { s.lock_shared(); });

// Lists in braces have names, keys, or both; without policies it is the default set.
[[maybe_unused]] void lists(soci::session& sql, transaction& tx, const std::string& name) {
    const set both(sql, {name, "b", "c"_lock, 7, {1, 2}, lock_key(3)});
    const set keys(sql, {{0, 0}, {1, 2}});
    const set one(sql, {0});
    const timed_set bounded(sql, {"a", "b"}, seconds(1));
    const transaction_set until_the_end(tx, {"a"});
    const advisory_lock_set defaults(sql, {"a"});
    static_assert(std::same_as<decltype(defaults), const set>);
    std::scoped_lock standard(const_cast<set&>(both)); // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

} // namespace
