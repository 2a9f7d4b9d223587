// SPDX-License-Identifier: BSL-1.0
// Every feature of django-pglocks 1.0.4, as a C++ program has it: the same names give the same keys.
#include "integration/lock_test.hpp"
#include "support/scratch_database.hpp"

#include <array>
#include <cstdint>
#include <latch>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using django_lock = basic_advisory_lock<interop::django_pglocks>;
using django_shared_lock = basic_advisory_lock<interop::django_pglocks, mode::shared>;
using django_try_lock = basic_advisory_lock<interop::django_pglocks, wait::none>;

class django_features : public lock_test {};

TEST_F(django_features, a_name_gives_the_key_that_django_pglocks_gives_it) {
    // zlib.crc32(name.encode()) as a signed 32-bit integer, by Python 3.11.
    const std::array<std::pair<std::string_view, std::int64_t>, 4> vectors{
        {{"test", -662733300},
         {"nightly-report", -2077502800},
         {"", 0},
         {"na\xc3\xafve \xe6\xbc\xa2", -752214852}}};
    for (const auto& [name, key] : vectors) {
        const django_lock lock(a_, name);
        EXPECT_EQ(owners(key), pids(a_)) << name;
        EXPECT_EQ(look_.advisory_locks().size(), 1U) << name;
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_features, an_integer_is_the_key_itself) {
    for (const std::int64_t key :
         {std::int64_t{0}, std::int64_t{5}, std::int64_t{-5}, std::int64_t{1} << 40, INT64_MAX, INT64_MIN}) {
        const django_lock lock(a_, key);
        EXPECT_EQ(owners(key), pids(a_)) << key;
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_features, a_pair_of_integers_is_a_key_of_the_other_space) {
    for (const auto& [first, second] : std::initializer_list<std::pair<std::int32_t, std::int32_t>>{
             {1, 2}, {-1, 2}, {1, -2}, {INT32_MIN, INT32_MAX}}) {
        const django_lock lock(a_, {first, second});
        ASSERT_EQ(look_.holders(first, second).size(), 1U);
        EXPECT_EQ(look_.holders(first, second)[0].objsubid, 2);
        EXPECT_EQ(owners({first, second}), pids(a_));
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_features, a_lock_is_exclusive_unless_shared_is_asked_for) {
    const django_lock exclusive(a_, "test");
    EXPECT_EQ(owners(-662733300, lock_mode::exclusive), pids(a_));
    const django_shared_lock shared(a_, "other");
    EXPECT_EQ(owners(shared.key(), lock_mode::shared), pids(a_));
}

TEST_F(django_features, shared_locks_are_held_side_by_side) {
    const django_shared_lock first(a_, "test");
    const django_shared_lock second(b_, "test");
    EXPECT_EQ(owners(-662733300, lock_mode::shared), pids(a_, b_));
}

TEST_F(django_features, it_waits_by_default) {
    std::optional<django_lock> holder(std::in_place, a_, "test");
    auto waiter = in_background([&] {
        const django_lock lock(b_, "test");
        return lock.owns_lock() ? owners(-662733300) : std::vector<int>();
    });
    ASSERT_TRUE(queued(-662733300));
    EXPECT_EQ(queue(-662733300), pids(b_));
    EXPECT_FALSE(waiter.ended());
    const auto second = pids(b_);
    holder.reset();
    EXPECT_EQ(waiter.result(), second);
    EXPECT_TRUE(nothing_left());
}

TEST_F(django_features, without_waiting_it_says_whether_the_lock_was_acquired) {
    const django_lock holder(a_, "test");
    {
        const django_try_lock refused(b_, "test");
        EXPECT_FALSE(refused.owns_lock());
        EXPECT_TRUE(queue(-662733300).empty());
        const django_try_lock acquired(b_, "other");
        EXPECT_TRUE(acquired.owns_lock());
    }
    EXPECT_EQ(owners(-662733300), pids(a_)) << "what was not acquired must not be released";
}

TEST_F(django_features, the_database_is_the_one_of_the_session) {
    const scratch_database elsewhere(shared_server());
    observer look_elsewhere(elsewhere.conninfo());
    soci::session other(soci::postgresql, elsewhere.conninfo());
    const django_lock here(a_, "test");
    const django_try_lock there(other, "test");
    EXPECT_TRUE(there.owns_lock());
    EXPECT_EQ(owners(-662733300), pids(a_));
    ASSERT_EQ(look_elsewhere.holders(-662733300).size(), 1U);
    EXPECT_EQ(look_elsewhere.holders(-662733300)[0].pid, pid(other));
}

TEST_F(django_features, it_is_released_on_normal_exit) {
    {
        const django_lock lock(a_, "test");
        EXPECT_EQ(owners(-662733300), pids(a_));
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_features, it_is_released_when_an_exception_leaves_the_block) {
    try {
        const django_lock lock(a_, "test");
        EXPECT_EQ(owners(-662733300), pids(a_));
        throw std::runtime_error("the job failed");
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "the job failed");
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
}

TEST_F(django_features, a_deadlock_raises_in_one_of_the_two_and_the_other_goes_on) {
    std::latch both_hold(2);
    const auto cross = [&](soci::session& session, std::int64_t own, std::int64_t other) {
        try {
            const django_lock first(session, own);
            both_hold.count_down();
            if (!eventually([&] { return both_hold.try_wait(); })) {
                return std::string("the other does not hold its lock");
            }
            const django_lock second(session, other);
            return second.owns_lock() ? std::string() : std::string("not acquired");
        } catch (const deadlock_detected& error) {
            return error.sqlstate();
        }
    };
    auto one = in_background([&] { return cross(a_, 1, 2); });
    auto other = in_background([&] { return cross(b_, 2, 1); });
    const std::multiset<std::string> ends{one.result(), other.result()};
    EXPECT_EQ(ends, (std::multiset<std::string>{"", "40P01"}));
    EXPECT_TRUE(nothing_left());
}

TEST_F(django_features, locks_nest) {
    const django_lock outer(a_, "outer");
    {
        const django_lock inner(a_, "inner");
        const django_lock again(a_, "outer");
        EXPECT_EQ(look_.advisory_locks().size(), 2U);
    }
    EXPECT_EQ(owners(outer.key()), pids(a_));
    EXPECT_EQ(look_.advisory_locks().size(), 1U);
}

} // namespace
} // namespace pglocks::test
