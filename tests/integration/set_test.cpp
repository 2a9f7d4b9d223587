// SPDX-License-Identifier: BSL-1.0
// Many locks that are taken and released together.
#include "integration/lock_set_test.hpp"

#include <soci/connection-pool.h>

#include <array>
#include <chrono>
#include <list>
#include <numeric>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class lock_set : public lock_set_test {};

TEST_F(lock_set, holds_all_its_keys_and_releases_them_at_the_end) {
    {
        const advisory_lock_set<> locks(a_, mixed);
        EXPECT_TRUE(locks.owns_lock());
        EXPECT_FALSE(locks.lost());
        EXPECT_EQ(locks.backend_pid(), pid(a_));
        EXPECT_EQ(locks.size(), in_order.size());
        EXPECT_TRUE(std::equal(locks.keys().begin(), locks.keys().end(), in_order.begin(), in_order.end()))
            << "duplicates collapse, and the order is by key space, then by key";
        EXPECT_EQ(held(a_), in_order);
        for (const lock_key key : in_order) {
            EXPECT_EQ(owners(key, lock_mode::exclusive), pids(a_));
        }
    }
    EXPECT_TRUE(held(a_).empty());
}

TEST_F(lock_set, is_of_names_whatever_they_are_ranges_of) {
    key_list expected{key_of<>("account:17"), key_of<>("account:4")};
    std::sort(expected.begin(), expected.end());
    const auto is_of_both = [&](const auto& names) {
        const advisory_lock_set<> locks(a_, names);
        return held(a_) == expected;
    };
    EXPECT_TRUE(is_of_both(std::vector<std::string>{"account:17", "account:4", "account:17"}));
    EXPECT_TRUE(is_of_both(std::array<std::string_view, 2>{"account:4", "account:17"}));
    EXPECT_TRUE(is_of_both(std::list<const char*>{"account:17", "account:4"}));
    EXPECT_TRUE(is_of_both(name_set<hash::postgres<>, "account:4", "account:17">::keys));
    EXPECT_TRUE(is_of_both(name_set<hash::postgres<>, "account:4", "account:17">::names));
    const std::vector<std::string> all{"account:17", "", "account:4"};
    { // which looks for its first name when it is read, and keeps it
        const advisory_lock_set<> locks(
            a_, all | std::views::filter([](const std::string& each) { return !each.empty(); }));
        EXPECT_EQ(held(a_), expected);
    }
    const std::string name = "account:4";
    const advisory_lock_set<> locks(a_, {name, "account:17"_lock, "account:4"});
    EXPECT_EQ(held(a_), expected);
}

TEST_F(lock_set, is_of_keys_and_names_in_one_list) {
    const advisory_lock_set<> locks(a_, {"x", 7, {1, 2}, lock_key(9), {0, 5}});
    key_list expected{7, 9, key_of<>("x"), {0, 5}, {1, 2}};
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(held(a_), expected);
}

TEST_F(lock_set, whose_hash_takes_no_names_is_of_keys_in_a_list) {
    const advisory_lock_set<hash::none> locks(a_, {7, {1, 2}});
    EXPECT_EQ(held(a_), (key_list{7, {1, 2}}));
}

TEST_F(lock_set, of_names_with_one_key_holds_it_once) {
    using one_for_all = advisory_lock_set<hash::in_namespace<7, hash::postgres_hashtext>>;
    const one_for_all locks(a_, {"a", "a", "a"});
    EXPECT_EQ(locks.size(), 1U);
    EXPECT_EQ(held(a_).size(), 1U);
}

TEST_F(lock_set, takes_the_value_of_its_hash) {
    const hash::siphash hash{{1, 2}};
    const advisory_lock_set<hash::siphash> locks(a_, {"a", "b"}, hash);
    key_list expected{key_of("a", hash), key_of("b", hash)};
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(held(a_), expected);
}

TEST_F(lock_set, without_a_key_is_owned_and_sends_nothing) {
    const wire_trace wire(a_);
    {
        advisory_lock_set<> locks(a_, key_list{});
        EXPECT_TRUE(locks.owns_lock());
        EXPECT_TRUE(locks.empty());
        EXPECT_FALSE(locks.pending());
        locks.unlock();
        EXPECT_TRUE(locks.try_lock());
        EXPECT_TRUE(locks.release().empty());
        const timed_set timed(a_, key_list{}, 1s);
        EXPECT_TRUE(timed.owns_lock());
        const try_set adopted(a_, key_list{}, std::adopt_lock);
        EXPECT_TRUE(adopted.owns_lock());
    }
    EXPECT_TRUE(wire.sent_nothing());
}

TEST_F(lock_set, without_a_session_owns_nothing) {
    advisory_lock_set<> locks;
    EXPECT_FALSE(locks.owns_lock());
    EXPECT_TRUE(throws(std::errc::operation_not_permitted, [&] { locks.lock(); }));
    EXPECT_TRUE(throws(std::errc::operation_not_permitted, [&] { locks.unlock(); }));
}

TEST_F(lock_set, moves_and_swaps_with_its_keys) {
    advisory_lock_set<> first(a_, {1, 2});
    advisory_lock_set<> second(std::move(first));
    EXPECT_FALSE(first.owns_lock()); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(held(a_), (key_list{1, 2}));
    advisory_lock_set<> third(b_, {3});
    swap(second, third);
    second.unlock();
    EXPECT_TRUE(held(b_).empty());
    EXPECT_TRUE(throws(std::errc::resource_deadlock_would_occur, [&] { third.lock(); }));
    third = advisory_lock_set<>(a_, {4});
    EXPECT_EQ(held(a_), key_list{4});
}

TEST_F(lock_set, in_shared_mode_is_shared) {
    shared_set locks(a_, mixed, std::defer_lock);
    EXPECT_FALSE(locks.owns_lock());
    locks.lock_shared();
    const advisory_lock_set<mode::shared, wait::none> also(b_, mixed);
    EXPECT_TRUE(also.owns_lock());
    EXPECT_EQ(owners(3, lock_mode::shared), pids(a_, b_));
    EXPECT_EQ(owners({1, 2}, lock_mode::shared), pids(a_, b_));
    EXPECT_FALSE(try_set(b_, {4, 3}).owns_lock());
    EXPECT_EQ(held(b_), in_order);
}

TEST_F(lock_set, leaves_the_holds_of_other_locks_of_the_session_alone) {
    const advisory_lock single(a_, 3);
    const advisory_lock pair(a_, {1, 2});
    const shared_advisory_lock shared(a_, 3);
    {
        const advisory_lock_set<> locks(a_, mixed);
        const advisory_lock_set<> again(a_, mixed);
        const timed_set timed(a_, {3, 4}, 1s);
    }
    EXPECT_EQ(held(a_), (key_list{3, 3, {1, 2}})) << "one of them in both modes";
    EXPECT_FALSE(is_free(b_, 3));
    EXPECT_FALSE(is_free(b_, {1, 2}));
    EXPECT_TRUE(is_free(b_, -7));
}

TEST_F(lock_set, that_is_released_without_unlocking_can_be_adopted) {
    advisory_lock_set<> locks(a_, mixed);
    const auto keys = locks.release();
    EXPECT_TRUE(std::equal(keys.begin(), keys.end(), in_order.begin(), in_order.end()));
    EXPECT_FALSE(locks.owns_lock());
    EXPECT_EQ(held(a_), in_order);
    {
        const try_set adopted(a_, mixed, std::adopt_lock);
    }
    EXPECT_TRUE(held(a_).empty());
}

TEST_F(lock_set, says_which_key_was_not_held) {
    for (const lock_key gone : {lock_key(-7), lock_key(3), lock_key(1, 2)}) {
        advisory_lock_set<> locks(a_, mixed);
        query(a_, "set client_min_messages to error");
        query(a_, "select pg_advisory_unlock(" + to_sql(gone) + ")");
        const auto error = error_of<not_held>([&] { locks.unlock(); });
        EXPECT_EQ(error.key(), gone) << error.what();
        EXPECT_FALSE(locks.owns_lock());
        EXPECT_TRUE(held(a_).empty());
    }
    {
        const advisory_lock_set<> locks(a_, mixed);
        query(a_, "select pg_advisory_unlock_all()");
    }
    EXPECT_EQ(failures_.take().size(), 1U) << "a destructor reports it";
}

TEST_F(lock_set, of_a_lost_connection_is_lost) {
    advisory_lock_set<> locks(a_, mixed);
    look_.exec("select pg_terminate_backend(" + std::to_string(pid(a_)) + ")");
    EXPECT_TRUE(eventually([&] { return locks.lost(); }));
    locks.unlock();
    EXPECT_FALSE(locks.owns_lock());
    a_.reconnect();
    locks.lock();
    EXPECT_EQ(held(a_), in_order);
}

TEST_F(lock_set, on_a_pool_leases_a_session_and_gives_it_back) {
    soci::connection_pool pool(1);
    pool.at(0).open(soci::postgresql, conninfo());
    {
        const advisory_lock_set<> locks(pool, mixed);
        ASSERT_NE(locks.session(), nullptr);
        EXPECT_EQ(held(*locks.session()), in_order);
        EXPECT_FALSE(timed_set(pool, {4}, 5ms).owns_lock()) << "no session is free";
    }
    const advisory_lock_set<> locks(pool, mixed);
    EXPECT_EQ(held(pool.at(0)), in_order);
    EXPECT_FALSE(try_set(pool, {4}).owns_lock());
}

TEST_F(lock_set, of_a_thousand_keys_takes_one_round_trip_each_way) {
    std::vector<int> keys(1'000);
    std::iota(keys.begin(), keys.end(), -500);
    const wire_trace wire(a_);
    std::optional<advisory_lock_set<>> locks(std::in_place, a_, keys);
    EXPECT_EQ(wire.round_trips(), 1);
    EXPECT_EQ(held(a_).size(), 1'000U);
    locks.reset();
    EXPECT_EQ(wire.round_trips(), 2);
    EXPECT_TRUE(held(a_).empty());
}

TEST_F(lock_set, asks_for_no_more_keys_than_a_message_has_room_for) {
    postgres::set_connection connection(a_);
    const lock_key one = 1; // the others are not looked at
    const wire_trace wire(a_);
    EXPECT_THROW(connection.admit({}, lock_keys(&one, postgres::key_array::most + 1), {}, {}), refused);
    EXPECT_TRUE(wire.sent_nothing());
}

TEST_F(lock_set, tells_how_many_locks_an_error_is_about_and_the_first_of_them) {
    query(a_, "begin");
    EXPECT_THROW(query(a_, "select 1/0"), sql_error);
    const auto error = error_of<refused>([&] { const advisory_lock_set<> locks(a_, {"b", "a", "c"}); });
    EXPECT_EQ(error.locks(), 3U);
    const std::string text = error.what();
    EXPECT_NE(text.find(", 3 locks, the first, lock \"" + error.name() + "\", key "), std::string::npos)
        << text;
    EXPECT_EQ(error.key(), key_of<>(error.name()));
    EXPECT_EQ(error.key(), std::min({key_of<>("a"), key_of<>("b"), key_of<>("c")}));
    EXPECT_THROW(static_cast<void>(advisory_lock_set<>(a_, {std::string_view("a\0b", 3)}, std::defer_lock)),
                 refused);
    query(a_, "rollback");
}

} // namespace
} // namespace pglocks::test
