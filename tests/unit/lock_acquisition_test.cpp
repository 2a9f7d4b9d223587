// SPDX-License-Identifier: BSL-1.0

#include <pglocks/detail/lock_acquisition.hpp>
#include <pglocks/policy/wait.hpp>

#include "lock_table_model.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using pglocks::lock_kind;
using pglocks::outcome;
using clock = std::chrono::steady_clock;
using acquisition = pglocks::detail::lock_acquisition<model::connection>;
static_assert(pglocks::acquisition<acquisition>);
static_assert(!std::copyable<acquisition>);

constexpr lock_kind exclusive{};
using asked = std::vector<std::string>;

class lock_acquisition : public testing::Test {
public:
    model::lock_table table;
    model::session mine{.table = table, .pid = 1};
    model::connection connection{mine};
    std::stop_source source;
    std::stop_token stop = source.get_token();
    pglocks::deadline unbounded;
    acquisition lock{connection, exclusive, 42, unbounded, stop};

    void let_another_hold_it() { table.take(2, exclusive, 42); }
};

TEST_F(lock_acquisition, has_the_lock_after_a_try_that_succeeds) {
    EXPECT_FALSE(lock.acquired());
    EXPECT_EQ(lock.attempt(), outcome::acquired);
    EXPECT_TRUE(lock.acquired());
    EXPECT_EQ(table.holds(1), 1U);
}

TEST_F(lock_acquisition, is_busy_while_another_has_the_lock) {
    let_another_hold_it();
    EXPECT_EQ(lock.attempt(), outcome::busy);
    EXPECT_FALSE(lock.acquired());
}

TEST_F(lock_acquisition, takes_the_lock_once_however_often_it_is_asked) {
    EXPECT_EQ(lock.attempt(), outcome::acquired);
    EXPECT_EQ(lock.attempt(), outcome::acquired);
    EXPECT_EQ(lock.queue({}), outcome::acquired);
    EXPECT_EQ(table.holds(1), 1U);
    EXPECT_EQ(mine.calls, asked{"attempt"});
}

TEST_F(lock_acquisition, queues_with_the_deadline_it_is_given) {
    let_another_hold_it();
    mine.while_waiting = [this] { table.give_back(2, exclusive, 42); };
    EXPECT_EQ(lock.queue({}), outcome::acquired);
    EXPECT_TRUE(lock.acquired());
    EXPECT_EQ(mine.calls, asked{"queue"});
}

TEST_F(lock_acquisition, asks_once_when_it_acquires_a_free_lock) {
    EXPECT_EQ(lock.acquire({}), outcome::acquired);
    EXPECT_TRUE(lock.acquired());
    EXPECT_EQ(mine.calls, asked{"attempt"});
}

TEST_F(lock_acquisition, tries_and_then_queues_when_it_acquires_a_lock_that_another_has) {
    let_another_hold_it();
    EXPECT_EQ(lock.acquire(clock::now()), outcome::expired);
    EXPECT_FALSE(lock.acquired());
    EXPECT_EQ(mine.calls, (asked{"attempt", "queue with a deadline"}));
}

TEST_F(lock_acquisition, does_not_queue_once_it_was_stopped) {
    source.request_stop();
    EXPECT_EQ(lock.acquire({}), outcome::stopped);
    EXPECT_TRUE(mine.calls.empty());
}

TEST_F(lock_acquisition, does_not_have_the_lock_after_a_wait_that_expired) {
    let_another_hold_it();
    EXPECT_EQ(lock.queue(clock::now()), outcome::expired);
    EXPECT_FALSE(lock.acquired());
    EXPECT_EQ(mine.calls, asked{"queue with a deadline"});
}

TEST_F(lock_acquisition, does_not_have_the_lock_after_a_wait_that_was_stopped) {
    let_another_hold_it();
    mine.while_waiting = [this] { source.request_stop(); };
    EXPECT_EQ(lock.queue({}), outcome::stopped);
    EXPECT_FALSE(lock.acquired());
    EXPECT_TRUE(lock.stop_requested());
}

TEST_F(lock_acquisition, does_not_try_once_it_was_stopped) {
    source.request_stop();
    EXPECT_EQ(lock.attempt(), outcome::stopped);
    EXPECT_TRUE(mine.calls.empty());
}

TEST_F(lock_acquisition, passes_on_what_the_connection_throws_and_does_not_have_the_lock) {
    let_another_hold_it();
    EXPECT_THROW(lock.queue({}), pglocks::deadlock_detected);
    EXPECT_FALSE(lock.acquired());
}

TEST_F(lock_acquisition, pauses_as_long_as_it_is_told) {
    const auto before = clock::now();
    EXPECT_EQ(lock.pause(20ms, {}), outcome::busy);
    EXPECT_GE(clock::now() - before, 20ms);
    EXPECT_TRUE(mine.calls.empty());
}

TEST_F(lock_acquisition, cuts_a_pause_short_at_the_deadline_for_one_last_try) {
    const auto before = clock::now();
    EXPECT_EQ(lock.pause(24h, before + 20ms), outcome::busy);
    EXPECT_GE(clock::now() - before, 20ms);
    EXPECT_EQ(lock.pause(24h, before + 20ms), outcome::expired);
}

TEST_F(lock_acquisition, does_not_pause_after_the_deadline) {
    EXPECT_EQ(lock.pause(24h, clock::now()), outcome::expired);
    EXPECT_EQ(lock.pause(24h, clock::now() - 1h), outcome::expired);
}

TEST_F(lock_acquisition, does_not_pause_once_it_was_stopped) {
    source.request_stop();
    EXPECT_EQ(lock.pause(24h, {}), outcome::stopped);
}

TEST_F(lock_acquisition, ends_a_pause_without_end_when_it_is_stopped_from_another_thread) {
    std::jthread stopper([this] { source.request_stop(); });
    EXPECT_EQ(lock.pause(std::chrono::nanoseconds::max(), {}), outcome::stopped);
}

TEST_F(lock_acquisition, does_not_pause_for_nothing_or_less) {
    EXPECT_EQ(lock.pause(0ns, {}), outcome::busy);
    EXPECT_EQ(lock.pause(-1h, {}), outcome::busy);
    EXPECT_EQ(lock.pause(std::chrono::nanoseconds::min(), {}), outcome::busy);
}

TEST_F(lock_acquisition, without_a_stop_source_is_never_stopped) {
    const std::stop_token nobody;
    acquisition unstoppable(connection, exclusive, 43, unbounded, nobody);
    EXPECT_FALSE(unstoppable.stop_requested());
    EXPECT_EQ(unstoppable.pause(1ms, {}), outcome::busy);
    EXPECT_EQ(unstoppable.attempt(), outcome::acquired);
}

} // namespace
