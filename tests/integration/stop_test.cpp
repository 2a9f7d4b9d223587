// SPDX-License-Identifier: BSL-1.0
// Waits that are told to stop.
#include "integration/lock_test.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class stop : public lock_test {
protected:
    using slow_poll = basic_advisory_lock<wait::poll<counted_pause>>;

    /// Begins a wait in the queue for key 1, which another session holds, and stops it.
    template <class Wait>
    void ends_in_the_queue(Wait wait_for_key_1) {
        ends(wait_for_key_1, [&](const auto& /*waiter*/) { return !queue(1).empty(); });
    }

    /// Begins a poll of key 1, which another session holds, and stops it in its first pause.
    void ends_in_the_pause() {
        counted_pause::pauses = 0;
        ends([&](const std::stop_token& token) { return slow_poll(b_, 1, slowly_, token).owns_lock(); },
             [](const auto& waiter) { return counted_pause::pauses == 1 && waiter.sleeps(); });
        EXPECT_EQ(counted_pause::pauses, 1);
    }

    void session_is_usable() {
        EXPECT_EQ(query(b_, "select 1"), "1");
        const try_advisory_lock lock(b_, 2);
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_EQ(owners(2), pids(b_));
    }

private:
    template <class Wait, class Waits>
    void ends(Wait wait_for_key_1, Waits waits) {
        const advisory_lock holder(a_, 1);
        std::stop_source source;
        auto acquired = in_background([&] { return wait_for_key_1(source.get_token()); });
        ASSERT_TRUE(eventually([&] { return waits(acquired); }));
        EXPECT_FALSE(acquired.ended());
        source.request_stop();
        EXPECT_FALSE(acquired.result());
        EXPECT_TRUE(queue(1).empty());
        EXPECT_EQ(owners(1), pids(a_));
    }

    const wait::poll<counted_pause> slowly_{{.pause = 2 * default_deadline}};
};

TEST_F(stop, before_the_wait_nothing_is_even_tried) {
    std::stop_source source;
    source.request_stop();
    advisory_lock block(a_, 1, std::defer_lock);
    polled_advisory_lock poll(a_, 1, std::defer_lock);
    timed_advisory_lock timed(a_, 1, std::defer_lock);
    EXPECT_FALSE(block.lock(source.get_token()));
    {
        const wire_trace wire(a_);
        EXPECT_FALSE(block.lock(source.get_token()));
        EXPECT_FALSE(poll.lock(source.get_token()));
        EXPECT_FALSE(timed.try_lock_for(1h, source.get_token()));
        EXPECT_FALSE(advisory_lock(a_, 1, source.get_token()).owns_lock());
        EXPECT_TRUE(wire.sent_nothing());
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(stop, a_token_that_is_never_used_changes_nothing) {
    std::stop_source source;
    advisory_lock lock(a_, 1, std::defer_lock);
    EXPECT_TRUE(lock.lock(source.get_token()));
    EXPECT_EQ(owners(1), pids(a_));
    lock.unlock();
    EXPECT_TRUE(lock.lock(std::stop_token()));
    EXPECT_EQ(owners(1), pids(a_));
}

TEST_F(stop, a_stoppable_wait_comes_in_when_the_holder_lets_go) {
    std::stop_source source;
    std::optional<advisory_lock> holder(std::in_place, a_, 1);
    advisory_lock lock(b_, 1, std::defer_lock);
    auto acquired = in_background([&] { return lock.lock(source.get_token()); });
    ASSERT_TRUE(queued(1));
    holder.reset();
    EXPECT_TRUE(acquired.result());
    EXPECT_EQ(owners(1), pids(b_));
    lock.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty()) << "the server counted one hold";
}

TEST_F(stop, it_ends_a_blocking_wait) {
    ends_in_the_queue(
        [&](const std::stop_token& token) { return advisory_lock(b_, 1, std::defer_lock).lock(token); });
    session_is_usable();
    ends_in_the_queue([&](const std::stop_token& token) { return advisory_lock(b_, 1, token).owns_lock(); });
    session_is_usable();
}

TEST_F(stop, it_ends_a_bounded_wait) {
    ends_in_the_queue(
        [&](const std::stop_token& token) { return timed_advisory_lock(b_, 1, 1h, token).owns_lock(); });
    session_is_usable();
    ends_in_the_queue([&](const std::stop_token& token) {
        return timed_shared_advisory_lock(b_, 1, std::defer_lock)
            .try_lock_until(steady_clock::now() + 1h, token);
    });
    session_is_usable();
}

TEST_F(stop, it_ends_the_pause_of_a_poll) {
    ends_in_the_pause();
    session_is_usable();
}

TEST_F(stop, it_leaves_the_users_transaction_as_it_was) {
    query(b_, "create temporary table t (n integer)");
    pglocks::transaction tx(b_);
    query(b_, "insert into t values (1)");
    query(b_, "savepoint users");
    query(b_, "insert into t values (2)");
    const auto is_intact = [&] {
        EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INTRANS);
        EXPECT_EQ(query(b_, "select sum(n) from t"), "3");
    };
    ends_in_the_queue([&](const std::stop_token& token) { return advisory_lock(b_, 1, token).owns_lock(); });
    is_intact();
    ends_in_the_queue(
        [&](const std::stop_token& token) { return timed_advisory_lock(b_, 1, 1h, token).owns_lock(); });
    is_intact();
    ends_in_the_queue(
        [&](const std::stop_token& token) { return transaction_advisory_lock(tx, 1, token).owns_lock(); });
    is_intact();
    ends_in_the_queue([&](const std::stop_token& token) {
        return timed_transaction_advisory_lock(tx, 1, 1h, token).owns_lock();
    });
    is_intact();
    ends_in_the_pause();
    is_intact();
    query(b_, "rollback to savepoint users");
    tx.commit();
    EXPECT_EQ(query(b_, "select sum(n) from t"), "1");
    session_is_usable();
}

TEST_F(stop, it_is_no_reason_to_hide_another_end_of_the_wait) {
    const advisory_lock holder(a_, 1);
    std::stop_source source;
    auto failed = in_background([&] {
        return error_of<lock_error>([&] { const advisory_lock lock(b_, 1, source.get_token()); }).sqlstate();
    });
    ASSERT_TRUE(queued(1));
    look_.exec("select pg_cancel_backend(" + std::to_string(queue(1).at(0)) + ")");
    EXPECT_EQ(failed.result(), "57014") << "somebody else cancelled";
    session_is_usable();
}

/// The stop and the release come together, again and again: what the lock says is what the server shows.
class stop_races_with_the_grant : public stop {
protected:
    template <class Make>
    void race(const char* what, int rounds, Make make) {
        int granted = 0;
        std::chrono::microseconds lead =
            1ms; // of the stop before the release: a cancel is on its way for a while
        constexpr auto step = 60us;
        const auto waiter = pids(b_);
        const auto compare = [&](bool owns) {
            if (owns != (owners_from_aside() == waiter)) {
                return std::string("the lock says ") + (owns ? "yes" : "no") + ", the server does not";
            }
            return std::string(owns ? "granted" : "stopped");
        };
        for (int i = 0; i < rounds; ++i) {
            std::optional<advisory_lock> holder(std::in_place, a_, 1);
            std::stop_source source;
            auto ended = in_background([&] { return make(source.get_token(), compare); });
            ASSERT_TRUE(queued(1));
            const auto release_at = steady_clock::now() + std::max(lead, 0us);
            const auto stop_at = release_at - lead;
            std::jthread stopper([&] {
                std::this_thread::sleep_until(stop_at);
                source.request_stop();
            });
            std::this_thread::sleep_until(release_at);
            holder.reset();
            const std::string end = ended.result();
            stopper.join();
            ASSERT_TRUE(end == "granted" || end == "stopped") << end << " in round " << i;
            granted += end == "granted" ? 1 : 0;
            lead += end == "granted" ? step : -step;
            ASSERT_TRUE(look_.advisory_locks().empty()) << "in round " << i << ", which was " << end;
        }
        std::cout << what << ": " << granted << " granted, " << rounds - granted << " stopped\n";
        EXPECT_GT(granted, rounds / 10);
        EXPECT_LT(granted, rounds - rounds / 10);
        session_is_usable();
    }

    std::vector<int> owners_from_aside() {
        std::vector<int> all;
        for (const auto& row : aside_.holders(1)) {
            all.push_back(row.pid.value_or(0));
        }
        return all;
    }

    observer aside_{conninfo()}; // for the waiter's thread
};

TEST_F(stop_races_with_the_grant, of_a_blocking_wait) {
    race("block", 300, [&](const std::stop_token& token, const auto& look) {
        const advisory_lock lock(b_, 1, token);
        return look(lock.owns_lock());
    });
}

TEST_F(stop_races_with_the_grant, of_a_bounded_wait) {
    race("timeout", 300, [&](const std::stop_token& token, const auto& look) {
        const timed_advisory_lock lock(b_, 1, 1h, token);
        return look(lock.owns_lock());
    });
}

TEST_F(stop_races_with_the_grant, of_a_session_lock_in_a_transaction) {
    constexpr int rounds = 300;
    query(b_, "create temporary table t (n integer)");
    race("block in a transaction", rounds, [&](const std::stop_token& token, const auto& look) {
        soci::transaction tx(b_);
        query(b_, "insert into t values (1)");
        std::string end;
        {
            const advisory_lock lock(b_, 1, token);
            end = look(lock.owns_lock());
        }
        if (PQtransactionStatus(libpq(b_)) != PQTRANS_INTRANS) {
            return "the transaction did not survive: " + end;
        }
        tx.commit();
        return end;
    });
    EXPECT_EQ(query(b_, "select count(*) from t"), std::to_string(rounds));
}

TEST_F(stop_races_with_the_grant, of_a_transaction_lock) {
    constexpr int rounds = 1500; // a late cancel can hit what keeps the lock: one in about a thousand does
    query(b_, "create temporary table t (n integer)");
    race("block at transaction scope", rounds, [&](const std::stop_token& token, const auto& look) {
        pglocks::transaction tx(b_);
        query(b_, "insert into t values (1)");
        const transaction_advisory_lock lock(tx, 1, token);
        std::string end = look(lock.owns_lock());
        if (PQtransactionStatus(libpq(b_)) != PQTRANS_INTRANS) {
            return "the transaction did not survive: " + end;
        }
        tx.commit();
        return end;
    });
    EXPECT_EQ(query(b_, "select count(*) from t"), std::to_string(rounds));
}

} // namespace
} // namespace pglocks::test
