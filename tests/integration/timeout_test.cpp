// SPDX-License-Identifier: BSL-1.0
// Waits with a bound: how they end, and what they leave as it was.
#include "integration/lock_test.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// The setting in milliseconds, as the server counts it.
std::string lock_timeout_of(soci::session& session) {
    return query(session, "select setting from pg_settings where name = 'lock_timeout'");
}

class timeout : public lock_test {
protected:
    /// What waits is seen in pg_locks; then the holder lets go, and the waiter has the lock.
    template <class Wait>
    void comes_in_late(Wait wait_for_key_1) {
        std::optional<advisory_lock> holder(std::in_place, a_, 1);
        const auto waiter = pids(b_);
        auto acquired = in_background(wait_for_key_1);
        ASSERT_TRUE(queued(1));
        EXPECT_EQ(queue(1), waiter);
        holder.reset();
        EXPECT_TRUE(acquired.result());
        EXPECT_EQ(owners(1), waiter);
    }
};

TEST_F(timeout, it_expires_with_nothing_held) {
    const advisory_lock holder(a_, 1);
    const auto start = steady_clock::now();
    const timed_advisory_lock lock(b_, 1, 50ms);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_GE(steady_clock::now() - start, 50ms);
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_TRUE(queue(1).empty());
}

TEST_F(timeout, it_comes_in_late_outside_a_transaction) {
    timed_advisory_lock lock(b_, 1, std::defer_lock);
    comes_in_late([&] { return lock.try_lock_for(1min); });
    EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_IDLE);
    EXPECT_EQ(lock_timeout_of(b_), "0");
    lock.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty()) << "the server counted one hold";
}

TEST_F(timeout, it_comes_in_late_at_shared_mode_and_with_a_pair) {
    std::optional<advisory_lock> holder(std::in_place, a_, lock_key(-1, 2));
    auto acquired = in_background([&] {
        const timed_shared_advisory_lock lock(b_, {-1, 2}, 1min);
        return lock.owns_lock() && owners({-1, 2}, lock_mode::shared).size() == 1;
    });
    ASSERT_TRUE(queued({-1, 2}));
    holder.reset();
    EXPECT_TRUE(acquired.result());
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(timeout, a_lock_that_did_not_get_it_can_try_again) {
    std::optional<advisory_lock> holder(std::in_place, a_, 1);
    timed_advisory_lock lock(b_, 1, 1ms);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_FALSE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock_for(2ms));
    EXPECT_FALSE(lock.try_lock_until(steady_clock::now() + 3ms));
    holder.reset();
    EXPECT_TRUE(lock.try_lock_for(2ms));
    EXPECT_EQ(owners(1), pids(b_));
}

TEST_F(timeout, nothing_or_less_is_one_try) {
    const advisory_lock holder(a_, 1);
    timed_advisory_lock lock(b_, 1, 0s);
    const wire_trace wire(b_);
    EXPECT_FALSE(lock.try_lock_for(0s));
    EXPECT_FALSE(lock.try_lock_for(-1ns));
    EXPECT_FALSE(lock.try_lock_for(std::chrono::hours::min()));
    EXPECT_FALSE(lock.try_lock_for(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())));
    EXPECT_FALSE(lock.try_lock_for(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())));
    EXPECT_FALSE(lock.try_lock_until(steady_clock::now() - 1h));
    EXPECT_FALSE(lock.try_lock_until(steady_clock::time_point::min()));
    EXPECT_FALSE(lock.try_lock_until(std::chrono::system_clock::time_point::min()));
    EXPECT_EQ(wire.round_trips(), 8);
    timed_advisory_lock free_key(b_, 2, 0s);
    EXPECT_TRUE(free_key.owns_lock());
    EXPECT_EQ(wire.round_trips(), 9);
}

TEST_F(timeout, less_than_a_millisecond_rounds_up) {
    const advisory_lock holder(a_, 1);
    timed_advisory_lock lock(b_, 1, 1ns);
    EXPECT_FALSE(lock.owns_lock());
    const wire_trace wire(b_);
    const auto reaches_the_queue = [&](auto bound) {
        // On a busy machine the try alone may take the whole millisecond.
        return eventually([&] {
            const int before = wire.round_trips();
            EXPECT_FALSE(lock.try_lock_for(bound));
            return wire.round_trips() == before + 2;
        });
    };
    EXPECT_TRUE(reaches_the_queue(1ns));
    EXPECT_TRUE(reaches_the_queue(1us));
    EXPECT_TRUE(reaches_the_queue(300us));
    EXPECT_TRUE(reaches_the_queue(std::chrono::duration<double>(1e-12)));
    EXPECT_TRUE(reaches_the_queue(std::chrono::duration<float, std::milli>(0.3F)));
    EXPECT_EQ(lock_timeout_of(b_), "0");
}

TEST_F(timeout, absurdly_long_ones_wait) {
    timed_advisory_lock lock(b_, 1, std::defer_lock);
    const auto comes_in = [&](auto duration) {
        comes_in_late([&, duration] { return lock.try_lock_for(duration); });
        lock.unlock();
    };
    comes_in(std::chrono::hours::max());
    comes_in(std::chrono::nanoseconds::max());
    comes_in(std::chrono::milliseconds(INT64_C(1) << 31));
    comes_in(std::chrono::duration<double>(std::numeric_limits<double>::infinity()));
    comes_in(std::chrono::duration<float>(std::numeric_limits<float>::max()));
    comes_in_late([&] { return lock.try_lock_until(std::chrono::system_clock::time_point::max()); });
    lock.unlock();
    comes_in_late([&] { return lock.try_lock_until(steady_clock::time_point::max()); });
}

TEST_F(timeout, a_time_point_of_any_clock_is_a_bound) {
    const advisory_lock holder(a_, 1);
    const auto start = steady_clock::now();
    EXPECT_FALSE(timed_advisory_lock(b_, 1, steady_clock::now() + 20ms).owns_lock());
    EXPECT_FALSE(timed_advisory_lock(b_, 1, std::chrono::system_clock::now() + 20ms).owns_lock());
    EXPECT_GE(steady_clock::now() - start, 39ms) << "two clocks need not agree to the last millisecond";
    EXPECT_TRUE(timed_advisory_lock(b_, 2, std::chrono::system_clock::now() + 1h).owns_lock());
    EXPECT_EQ(owners(1), pids(a_));
}

TEST_F(timeout, the_users_lock_timeout_is_neither_obeyed_nor_changed) {
    const advisory_lock holder(a_, 1);
    for (const char* setting : {"5", "7200000"}) {
        query(b_, std::string("set lock_timeout = ") + setting);
        const auto start = steady_clock::now();
        EXPECT_FALSE(timed_advisory_lock(b_, 1, 60ms).owns_lock());
        EXPECT_GE(steady_clock::now() - start, 60ms);
        EXPECT_EQ(lock_timeout_of(b_), setting);
        query(b_, "begin");
        const auto start_inside = steady_clock::now();
        EXPECT_FALSE(timed_advisory_lock(b_, 1, 10ms).owns_lock());
        EXPECT_GE(steady_clock::now() - start_inside, 10ms);
        EXPECT_EQ(lock_timeout_of(b_), setting);
        query(b_, "set local lock_timeout = 12345");
        EXPECT_FALSE(timed_advisory_lock(b_, 1, 10ms).owns_lock());
        EXPECT_EQ(lock_timeout_of(b_), "12345");
        query(b_, "commit");
        EXPECT_EQ(lock_timeout_of(b_), setting);
    }
}

TEST_F(timeout, the_users_lock_timeout_is_as_it_was_after_a_late_success_too) {
    query(b_, "set lock_timeout = 3600000");
    timed_advisory_lock lock(b_, 1, std::defer_lock);
    comes_in_late([&] { return lock.try_lock_for(1min); });
    EXPECT_EQ(lock_timeout_of(b_), "3600000");
    lock.unlock();
    query(b_, "begin");
    query(b_, "set local lock_timeout = 7200000");
    comes_in_late([&] { return lock.try_lock_for(1min); });
    EXPECT_EQ(lock_timeout_of(b_), "7200000");
    lock.unlock();
    query(b_, "commit");
    EXPECT_EQ(lock_timeout_of(b_), "3600000");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(timeout, the_users_lock_timeout_is_as_it_was_around_a_transaction_lock) {
    for (const char* setting : {"5", "7200000"}) {
        pglocks::transaction tx(b_);
        query(b_, std::string("set local lock_timeout = ") + setting);
        timed_transaction_advisory_lock lock(tx, 1, std::defer_lock);
        {
            const advisory_lock holder(a_, 1);
            const auto start = steady_clock::now();
            EXPECT_FALSE(lock.try_lock_for(20ms));
            EXPECT_GE(steady_clock::now() - start, 20ms);
        }
        EXPECT_EQ(lock_timeout_of(b_), setting) << "after it expired";
        comes_in_late([&] { return lock.try_lock_for(1min); });
        EXPECT_EQ(lock_timeout_of(b_), setting) << "after it came in late";
        tx.commit();
        EXPECT_EQ(lock_timeout_of(b_), "0");
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(timeout, an_unbounded_wait_obeys_the_users_lock_timeout) {
    const advisory_lock holder(a_, 1);
    query(b_, "set lock_timeout = 5");
    EXPECT_EQ(error_of<lock_error>([&] { const advisory_lock lock(b_, 1); }).sqlstate(), "55P03");
    EXPECT_EQ(owners(1), pids(a_));
    const advisory_lock usable(b_, 2);
    EXPECT_EQ(owners(2), pids(b_));
}

TEST_F(timeout, a_shorter_statement_timeout_wins_and_is_reported_as_what_it_is) {
    const advisory_lock holder(a_, 1);
    query(b_, "set statement_timeout = 20");
    const auto error = error_of<lock_error>([&] { const timed_advisory_lock lock(b_, 1, 1min); });
    EXPECT_EQ(error.sqlstate(), "57014");
    EXPECT_NE(error.message().find("statement timeout"), std::string::npos) << error.what();
    EXPECT_EQ(owners(1), pids(a_));
    const advisory_lock usable(b_, 2);
    EXPECT_EQ(owners(2), pids(b_));
}

TEST_F(timeout, a_connection_that_the_user_has_made_non_blocking_waits_and_stays_non_blocking) {
    PGconn* const conn = libpq(b_);
    ASSERT_EQ(PQsetnonblocking(conn, 1), 0);
    timed_advisory_lock lock(b_, 1, std::defer_lock);
    comes_in_late([&] { return lock.try_lock_for(1min); });
    lock.unlock();
    {
        const advisory_lock holder(a_, 1);
        EXPECT_FALSE(lock.try_lock_for(5ms));
    }
    EXPECT_EQ(PQisnonblocking(conn), 1);
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(timeout, a_poll_expires_too) {
    const advisory_lock holder(a_, 1);
    const auto start = steady_clock::now();
    const polled_advisory_lock lock(b_, 1, 30ms);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_GE(steady_clock::now() - start, 30ms);
    EXPECT_EQ(owners(1), pids(a_));
}

/// A transaction of the user's, with a row and a savepoint in it.
TEST_F(timeout, a_try_in_a_transaction_that_does_not_answer_is_cancelled_before_the_session_is_given_up) {
    session_preset{.patience = 4s}.apply(b_);
    const advisory_lock other(b_, 2);
    query(a_, "begin isolation level serializable");
    query(a_, "select 1"); // b_'s snapshot has to wait for this transaction's end
    query(b_, "begin isolation level serializable, read only, deferrable");
    const auto error = error_of<lock_error>([&] { const timed_advisory_lock lock(b_, 1, 1ms); });
    EXPECT_EQ(error.sqlstate(), "57014") << error.what();
    EXPECT_NE(error.advice().find("roll the transaction back"), std::string::npos) << error.what();
    query(b_, "rollback");
    query(a_, "rollback");
    EXPECT_TRUE(other.owns_lock());
    EXPECT_FALSE(other.lost());
    EXPECT_TRUE(owners(1).empty());
}

/// Comes to its second try long after the deadline, as on a machine that has slept.
struct late_retry {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = false;
    static constexpr bool bounded = true;
    outcome operator()(acquisition auto& lock, deadline until) const {
        if (const outcome first = lock.attempt(); first != outcome::busy) {
            return first;
        }
        std::this_thread::sleep_until(until.value() + 300ms);
        return lock.attempt();
    }
};

TEST_F(timeout, a_client_that_is_late_itself_does_not_blame_the_server) {
    session_preset{.patience = 200ms}.apply(a_);
    const advisory_lock other(a_, 2);
    const advisory_lock obstacle(b_, 1);
    EXPECT_FALSE((basic_advisory_lock<late_retry>(a_, 1, 1ms).owns_lock()));
    EXPECT_TRUE(other.owns_lock());
}

class timeout_in_a_transaction : public timeout {
protected:
    void SetUp() override {
        timeout::SetUp();
        query(b_, "create temporary table t (n integer)");
        transaction_.emplace(b_);
        query(b_, "insert into t values (1)");
        query(b_, "savepoint users");
        query(b_, "insert into t values (2)");
    }

    /// Everything is there, and can be worked with.
    void is_intact() {
        EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INTRANS);
        EXPECT_EQ(lock_timeout_of(b_), "0");
        EXPECT_EQ(query(b_, "select count(*) from t"), "2");
        query(b_, "rollback to savepoint users");
        EXPECT_EQ(query(b_, "select count(*) from t"), "1");
        query(b_, "insert into t values (3)");
        transaction_->commit();
        EXPECT_EQ(query(b_, "select sum(n) from t"), "4");
    }

    std::optional<pglocks::transaction> transaction_;
};

TEST_F(timeout_in_a_transaction, a_session_lock_expires_and_leaves_all_as_it_was) {
    const advisory_lock holder(a_, 1);
    {
        const timed_advisory_lock lock(b_, 1, 10ms);
        EXPECT_FALSE(lock.owns_lock());
        EXPECT_FALSE(lock.pending());
    }
    EXPECT_EQ(owners(1), pids(a_));
    is_intact();
}

TEST_F(timeout_in_a_transaction, a_transaction_lock_expires_and_leaves_all_as_it_was) {
    const advisory_lock holder(a_, 1);
    const timed_transaction_advisory_lock lock(*transaction_, 1, 10ms);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(owners(1), pids(a_));
    is_intact();
}

TEST_F(timeout_in_a_transaction, a_session_lock_comes_in_late_and_outlives_the_transaction) {
    timed_advisory_lock lock(b_, 1, std::defer_lock);
    comes_in_late([&] { return lock.try_lock_for(1min); });
    is_intact();
    EXPECT_EQ(owners(1), pids(b_));
    lock.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(timeout_in_a_transaction, a_transaction_lock_comes_in_late_and_ends_with_the_transaction) {
    timed_transaction_advisory_lock lock(*transaction_, 1, std::defer_lock);
    query(b_, "release savepoint users");
    query(b_, "savepoint users");
    query(b_, "insert into t values (5)");
    comes_in_late([&] { return lock.try_lock_for(1min); });
    query(b_, "insert into t values (6)");
    EXPECT_EQ(query(b_, "select sum(n) from t"), "14");
    query(b_, "rollback to savepoint users");
    EXPECT_EQ(query(b_, "select sum(n) from t"), "3") << "no savepoint of ours is in the way";
    transaction_->commit();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(timeout_in_a_transaction, what_was_locked_before_stays_after_it_expires) {
    const advisory_lock holder(a_, 1);
    const transaction_advisory_lock before(*transaction_, 2);
    const advisory_lock session_lock(b_, 3);
    const timed_transaction_advisory_lock lock(*transaction_, 1, 5ms);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(owners(2), pids(b_));
    EXPECT_EQ(owners(3), pids(b_));
    transaction_->commit();
}

TEST_F(timeout_in_a_transaction, a_shorter_statement_timeout_wins_and_leaves_nothing_held) {
    const advisory_lock holder(a_, 1);
    query(b_, "set local statement_timeout = 20");
    EXPECT_EQ(error_of<lock_error>([&] { const timed_advisory_lock lock(b_, 1, 1min); }).sqlstate(), "57014");
    EXPECT_EQ(error_of<lock_error>([&] {
                  const timed_transaction_advisory_lock lock(*transaction_, 1, 1min);
              }).sqlstate(),
              "57014");
    EXPECT_EQ(owners(1), pids(a_));
    is_intact();
}

TEST_F(timeout_in_a_transaction, it_works_where_nothing_may_be_written) {
    const advisory_lock holder(a_, 1);
    transaction_->rollback();
    query(b_, "begin isolation level serializable read only");
    EXPECT_FALSE(timed_advisory_lock(b_, 1, 5ms).owns_lock());
    EXPECT_TRUE(timed_advisory_lock(b_, 2, 5ms).owns_lock());
    query(b_, "commit");
    EXPECT_TRUE(owners(2).empty());
}

class round_trips : public timeout {
protected:
    void SetUp() override {
        timeout::SetUp();
        const advisory_lock asks_what_server_it_is(b_, 0);
    }
};

TEST_F(round_trips, the_first_lock_of_a_connection_asks_once_what_server_it_is) {
    soci::session fresh = connect();
    const wire_trace wire(fresh);
    const advisory_lock first(fresh, 1);
    EXPECT_EQ(wire.round_trips(), 2);
    const advisory_lock second(fresh, 2);
    EXPECT_EQ(wire.round_trips(), 3);
}

TEST_F(round_trips, a_free_lock_costs_one_and_its_release_one) {
    const wire_trace wire(b_);
    advisory_lock block(b_, 1);
    EXPECT_EQ(wire.round_trips(), 1);
    block.unlock();
    EXPECT_EQ(wire.round_trips(), 2);
    const try_advisory_lock none(b_, 1);
    EXPECT_EQ(wire.round_trips(), 3);
    const timed_advisory_lock bounded(b_, 2, 1min);
    EXPECT_EQ(wire.round_trips(), 4);
    const polled_advisory_lock polled(b_, 3);
    EXPECT_EQ(wire.round_trips(), 5);
    const advisory_lock stoppable(b_, 4, std::stop_source().get_token());
    EXPECT_EQ(wire.round_trips(), 6);
    pglocks::transaction tx(b_);
    const int before = wire.round_trips();
    const timed_transaction_advisory_lock in_transaction(tx, 5, 1min);
    EXPECT_EQ(wire.round_trips(), before + 1);
}

TEST_F(round_trips, a_wait_costs_one_more_whatever_its_end) {
    timed_advisory_lock lock(b_, 1, std::defer_lock);
    const wire_trace wire(b_);
    const auto expires_in_two = [&] {
        const advisory_lock holder(a_, 1);
        const int before = wire.round_trips();
        EXPECT_FALSE(lock.try_lock_for(5ms));
        EXPECT_EQ(wire.round_trips(), before + 2);
    };
    const auto comes_in_late_in_two = [&] {
        const int before = wire.round_trips();
        comes_in_late([&] { return lock.try_lock_for(1min); });
        EXPECT_EQ(wire.round_trips(), before + 2);
        lock.unlock();
    };
    expires_in_two();
    comes_in_late_in_two();
    query(b_, "begin");
    expires_in_two();
    comes_in_late_in_two();
    query(b_, "commit");
    advisory_lock block(b_, 1, std::defer_lock);
    const int before = wire.round_trips();
    comes_in_late([&] {
        block.lock();
        return true;
    });
    EXPECT_EQ(wire.round_trips(), before + 2);
}

TEST_F(round_trips, a_transaction_lock_that_waits_costs_one_more) {
    pglocks::transaction tx(b_);
    const wire_trace wire(b_);
    timed_transaction_advisory_lock lock(tx, 1, std::defer_lock);
    {
        const advisory_lock holder(a_, 1);
        EXPECT_FALSE(lock.try_lock_for(5ms));
        EXPECT_EQ(wire.round_trips(), 2);
    }
    comes_in_late([&] { return lock.try_lock_for(1min); });
    EXPECT_EQ(wire.round_trips(), 4);
}

TEST_F(round_trips, a_wait_shows_its_statement_in_pg_stat_activity) {
    timed_advisory_lock lock(b_, 42, std::defer_lock);
    std::optional<advisory_lock> holder(std::in_place, a_, 42);
    const auto activity = "select query from pg_stat_activity where pid = " + std::to_string(pid(b_));
    auto acquired = in_background([&] { return lock.try_lock_for(1min); });
    ASSERT_TRUE(queued(42));
    EXPECT_NE(look_.value(activity).find("pg_catalog.pg_advisory_xact_lock"), std::string::npos)
        << look_.value(activity);
    holder.reset();
    EXPECT_TRUE(acquired.result());
}

} // namespace
} // namespace pglocks::test
