// SPDX-License-Identifier: BSL-1.0
// The lock object as a standard lock: its states, misuse, and the standard library's own guards.
#include "integration/lock_test.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class lock_object : public lock_test {};

TEST_F(lock_object, without_a_session_every_operation_is_misuse) {
    advisory_lock block;
    try_shared_advisory_lock once;
    timed_advisory_lock timed;
    polled_advisory_lock poll;
    EXPECT_FALSE(block.owns_lock());
    EXPECT_FALSE(block);
    EXPECT_FALSE(block.lost());
    EXPECT_FALSE(block.pending());
    EXPECT_EQ(block.session(), nullptr);
    constexpr auto misuse = std::errc::operation_not_permitted;
    EXPECT_TRUE(throws(misuse, [&] { block.lock(); }));
    EXPECT_TRUE(throws(misuse, [&] { static_cast<void>(block.try_lock()); }));
    EXPECT_TRUE(throws(misuse, [&] { block.unlock(); }));
    EXPECT_TRUE(throws(misuse, [&] { static_cast<void>(once.try_lock_shared()); }));
    EXPECT_TRUE(throws(misuse, [&] { static_cast<void>(timed.try_lock_for(1s)); }));
    EXPECT_TRUE(
        throws(misuse, [&] { static_cast<void>(poll.try_lock_until(std::chrono::steady_clock::now())); }));
}

TEST_F(lock_object, unlocking_what_it_does_not_own_is_misuse_and_sends_nothing) {
    advisory_lock lock(a_, 1, std::defer_lock);
    const advisory_lock other(a_, 1);
    const wire_trace wire(a_);
    EXPECT_TRUE(throws(std::errc::operation_not_permitted, [&] { lock.unlock(); }));
    EXPECT_TRUE(wire.sent_nothing());
    EXPECT_EQ(owners(1), pids(a_));
}

TEST_F(lock_object, locking_twice_is_misuse_and_sends_nothing) {
    polled_advisory_lock lock(a_, 1);
    const wire_trace wire(a_);
    constexpr auto misuse = std::errc::resource_deadlock_would_occur;
    EXPECT_TRUE(throws(misuse, [&] { lock.lock(); }));
    EXPECT_TRUE(throws(misuse, [&] { static_cast<void>(lock.try_lock()); }));
    EXPECT_TRUE(throws(misuse, [&] { static_cast<void>(lock.try_lock_for(1s)); }));
    EXPECT_TRUE(wire.sent_nothing());
    EXPECT_TRUE(lock.owns_lock());
}

TEST_F(lock_object, it_is_locked_and_unlocked_as_often_as_one_likes) {
    advisory_lock lock(a_, "nightly-report", std::defer_lock);
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(lock.owns_lock());
        EXPECT_TRUE(look_.advisory_locks().empty());
        if (i % 2 == 0) {
            lock.lock();
        } else {
            EXPECT_TRUE(lock.try_lock());
        }
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_EQ(owners(lock.key()), pids(a_));
        lock.unlock();
    }
}

TEST_F(lock_object, the_tags_do_what_they_do_in_the_standard) {
    const advisory_lock deferred(a_, 1, std::defer_lock);
    EXPECT_FALSE(deferred.owns_lock());
    EXPECT_TRUE(look_.advisory_locks().empty());
    const advisory_lock tried(a_, 1, std::try_to_lock);
    EXPECT_TRUE(tried.owns_lock());
    const advisory_lock in_vain(b_, 1, std::try_to_lock);
    EXPECT_FALSE(in_vain.owns_lock());
    const timed_advisory_lock timed_in_vain(b_, 1, std::try_to_lock);
    EXPECT_FALSE(timed_in_vain.owns_lock());
    EXPECT_EQ(owners(1), pids(a_));
}

TEST_F(lock_object, it_adopts_what_the_session_holds_already) {
    query(a_, "select pg_advisory_lock(1)");
    {
        const advisory_lock adopted(a_, 1, std::adopt_lock);
        EXPECT_TRUE(adopted.owns_lock());
        EXPECT_EQ(adopted.backend_pid(), pid(a_));
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(lock_object, release_disowns_without_unlocking_and_another_object_can_adopt) {
    advisory_lock first(a_, "handed over");
    const lock_key key = first.release();
    EXPECT_EQ(key, key_of("handed over"));
    EXPECT_FALSE(first.owns_lock());
    EXPECT_TRUE(throws(std::errc::operation_not_permitted, [&] { first.unlock(); }));
    EXPECT_EQ(owners(key), pids(a_));
    {
        const advisory_lock second(a_, key, std::adopt_lock);
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    first.lock();
    EXPECT_EQ(owners(key), pids(a_));
    first.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(lock_object, a_move_hands_over_the_lock_and_leaves_no_session_behind) {
    advisory_lock from(a_, "nightly-report");
    advisory_lock to(std::move(from));
    EXPECT_TRUE(to.owns_lock());
    EXPECT_EQ(to.session(), &a_);
    EXPECT_EQ(to.key(), key_of("nightly-report"));
    EXPECT_FALSE(from.owns_lock()); // NOLINT(bugprone-use-after-move): what is left is specified
    EXPECT_EQ(from.session(), nullptr);
    EXPECT_TRUE(throws(std::errc::operation_not_permitted, [&] { from.lock(); }));
    EXPECT_EQ(owners(to.key()), pids(a_));
    to.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(lock_object, a_move_assignment_releases_what_was_owned_before) {
    advisory_lock target(a_, 1);
    target = advisory_lock(b_, 2);
    EXPECT_TRUE(owners(1).empty());
    EXPECT_EQ(owners(2), pids(b_));
    EXPECT_EQ(target.key(), lock_key(2));
    EXPECT_EQ(target.session(), &b_);
    target = advisory_lock();
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_FALSE(target.owns_lock());
}

TEST_F(lock_object, a_move_assignment_to_itself_keeps_it) {
    advisory_lock lock(a_, 1);
    advisory_lock& same = lock;
    lock = std::move(same);
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(owners(1), pids(a_));
}

TEST_F(lock_object, a_swap_changes_owners_and_sends_nothing) {
    advisory_lock one(a_, 1);
    advisory_lock two(b_, 2, std::defer_lock);
    const wire_trace wire(a_);
    swap(one, two);
    EXPECT_TRUE(two.owns_lock());
    EXPECT_EQ(two.key(), lock_key(1));
    EXPECT_EQ(one.session(), &b_);
    one.swap(two);
    EXPECT_TRUE(one.owns_lock());
    EXPECT_TRUE(wire.sent_nothing());
}

TEST_F(lock_object, it_stands_in_containers_and_comes_from_functions) {
    const auto make = [&](int key) { return advisory_lock(a_, key); };
    std::vector<advisory_lock> locks;
    for (int i = 0; i < 10; ++i) {
        locks.push_back(make(i));
    }
    EXPECT_EQ(look_.advisory_locks().size(), 10U);
    locks.erase(locks.begin(), locks.begin() + 5);
    EXPECT_EQ(look_.advisory_locks().size(), 5U);
    EXPECT_EQ(owners(5), pids(a_));
    EXPECT_TRUE(owners(4).empty());
}

class standard_guards : public lock_test {};

TEST_F(standard_guards, scoped_lock_takes_two_locks_of_two_sessions) {
    advisory_lock first(a_, 1, std::defer_lock);
    advisory_lock second(b_, 2, std::defer_lock);
    {
        const std::scoped_lock both(first, second);
        EXPECT_EQ(owners(1), pids(a_));
        EXPECT_EQ(owners(2), pids(b_));
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(standard_guards, scoped_lock_and_std_lock_take_opposite_orders_without_a_deadlock) {
    soci::session c = connect();
    soci::session d = connect();
    constexpr int times = 50;
    const auto often = [](soci::session& one, soci::session& two, int first, int second, auto take_both) {
        advisory_lock x(one, first, std::defer_lock);
        polled_advisory_lock y(two, second, std::defer_lock);
        int taken = 0;
        for (int i = 0; i < times; ++i) {
            taken += take_both(x, y);
        }
        return taken;
    };
    auto here = in_background([&] {
        return often(a_, b_, 1, 2, [](auto& x, auto& y) {
            const std::scoped_lock both(x, y);
            return x.owns_lock() && y.owns_lock() ? 1 : 0;
        });
    });
    auto there = in_background([&] {
        return often(c, d, 2, 1, [](auto& x, auto& y) {
            std::lock(x, y);
            const bool owned = x.owns_lock() && y.owns_lock();
            x.unlock();
            y.unlock();
            return owned ? 1 : 0;
        });
    });
    EXPECT_EQ(here.result(), times);
    EXPECT_EQ(there.result(), times);
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(standard_guards, std_lock_and_try_lock_leave_nothing_when_one_cannot_be_had) {
    const advisory_lock holder(b_, 2);
    advisory_lock first(a_, 1, std::defer_lock);
    soci::session c = connect();
    advisory_lock second(c, 2, std::defer_lock);
    EXPECT_EQ(std::try_lock(first, second), 1);
    EXPECT_FALSE(first.owns_lock());
    EXPECT_TRUE(owners(1).empty());
    EXPECT_EQ(owners(2), pids(b_));
}

TEST_F(standard_guards, unique_lock_takes_all_its_ways) {
    advisory_lock mutex(a_, 1, std::defer_lock);
    {
        std::unique_lock guard(mutex);
        EXPECT_EQ(owners(1), pids(a_));
        guard.unlock();
        EXPECT_TRUE(owners(1).empty());
        EXPECT_TRUE(guard.try_lock());
    }
    EXPECT_FALSE(mutex.owns_lock());
    const advisory_lock holder(b_, 2);
    polled_advisory_lock timed(a_, 2, std::defer_lock);
    EXPECT_FALSE(std::unique_lock(timed, std::try_to_lock).owns_lock());
    EXPECT_FALSE(std::unique_lock(timed, 5ms).owns_lock());
    EXPECT_FALSE(std::unique_lock(timed, std::chrono::steady_clock::now() + 5ms).owns_lock());
    mutex.lock();
    {
        const std::unique_lock adopted(mutex, std::adopt_lock);
    }
    EXPECT_TRUE(owners(1).empty());
    {
        const std::lock_guard guard(mutex);
    }
    EXPECT_TRUE(owners(1).empty());
}

TEST_F(standard_guards, shared_lock_takes_a_shared_mode_lock) {
    shared_advisory_lock reader(a_, 1, std::defer_lock);
    polled_shared_advisory_lock other_reader(b_, 1, std::defer_lock);
    {
        const std::shared_lock here(reader);
        const std::shared_lock there(other_reader, 1s);
        EXPECT_TRUE(there.owns_lock());
        EXPECT_EQ(owners(1, lock_mode::shared), pids(a_, b_));
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    const advisory_lock writer(b_, 1);
    const std::shared_lock in_vain(reader, std::try_to_lock);
    EXPECT_FALSE(in_vain.owns_lock());
}

TEST_F(standard_guards, a_guard_whose_server_has_gone_ends_in_peace) {
    advisory_lock first(a_, 1, std::defer_lock);
    advisory_lock second(b_, 2, std::defer_lock);
    {
        const std::scoped_lock both(first, second);
        end_all_others(look_);
        ASSERT_TRUE(nothing_left());
    } // an exception here would end the process
    EXPECT_FALSE(first.owns_lock());
    EXPECT_TRUE(first.lost());
    EXPECT_TRUE(second.lost());
}

} // namespace
} // namespace pglocks::test
