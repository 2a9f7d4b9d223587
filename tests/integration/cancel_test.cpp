// SPDX-License-Identifier: BSL-1.0
// Somebody else cancels the statement (pg_cancel_backend): during a wait, and just after it, when PostgreSQL
// can report the cancel and have done what was asked.
#include "integration/lock_test.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class cancel : public lock_test {
protected:
    void SetUp() override {
        lock_test::SetUp();
        const advisory_lock asks_what_server_it_is(b_, 0);
    }

    void cancel_backend(int backend) {
        look_.exec("select pg_cancel_backend(" + std::to_string(backend) + ")");
    }

    /// Begins a wait for key 1, which another session holds, and cancels it.
    template <class Wait>
    void fails_with_nothing_held(Wait wait_for_key_1) {
        const advisory_lock holder(a_, 1);
        const auto backend = pid(b_);
        auto state = in_background([&] { return error_of<lock_error>(wait_for_key_1).sqlstate(); });
        ASSERT_TRUE(queued(1));
        cancel_backend(backend);
        EXPECT_EQ(state.result(), "57014");
        EXPECT_TRUE(queue(1).empty());
        EXPECT_EQ(owners(1), pids(a_));
    }

    void session_is_usable() {
        const advisory_lock lock(b_, 1);
        EXPECT_EQ(owners(1), pids(b_));
    }
};

TEST_F(cancel, ends_a_blocking_wait_with_an_error) {
    fails_with_nothing_held([&] { const advisory_lock lock(b_, 1); });
    session_is_usable();
}

TEST_F(cancel, ends_a_stoppable_wait_with_an_error) {
    const std::stop_source source;
    fails_with_nothing_held([&] { const advisory_lock lock(b_, 1, source.get_token()); });
    session_is_usable();
}

TEST_F(cancel, ends_a_bounded_wait_with_an_error) {
    fails_with_nothing_held([&] { const timed_advisory_lock lock(b_, 1, 1h); });
    session_is_usable();
}

TEST_F(cancel, of_a_blocking_wait_fails_the_transaction_and_nothing_is_held_after_its_rollback) {
    pglocks::transaction tx(b_);
    fails_with_nothing_held([&] { const advisory_lock lock(b_, 1); });
    EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INERROR);
    EXPECT_FALSE(release_pending(b_)) << "whether it is held is found out when the transaction has ended";
    int notices = 0;
    PQsetNoticeProcessor(
        libpq(b_), [](void* count, const char* /*message*/) { ++*static_cast<int*>(count); }, &notices);
    tx.rollback();
    EXPECT_TRUE(release_pending(b_));
    EXPECT_TRUE(owners(1).empty());
    EXPECT_EQ(notices, 0) << "a clean-up prints no warnings";
    session_is_usable();
}

TEST_F(cancel, of_a_transaction_lock_fails_the_transaction) {
    pglocks::transaction tx(b_);
    fails_with_nothing_held([&] { const transaction_advisory_lock lock(tx, 1); });
    EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INERROR);
    tx.rollback();
    session_is_usable();
}

TEST_F(cancel, of_a_bounded_wait_leaves_the_transaction_as_it_was) {
    query(b_, "create temporary table t (n integer)");
    pglocks::transaction tx(b_);
    query(b_, "insert into t values (1)");
    fails_with_nothing_held([&] { const timed_advisory_lock lock(b_, 1, 1h); });
    fails_with_nothing_held([&] { const timed_transaction_advisory_lock lock(tx, 1, 1h); });
    EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INTRANS);
    tx.commit();
    EXPECT_EQ(query(b_, "select count(*) from t"), "1");
    session_is_usable();
}

TEST_F(cancel, of_a_wait_keeps_what_the_session_holds_already) {
    const advisory_lock kept(b_, 2);
    const shared_advisory_lock kept_too(b_, {1, 2});
    fails_with_nothing_held([&] { const advisory_lock lock(b_, 1); });
    EXPECT_EQ(owners(2), pids(b_));
    EXPECT_EQ(owners({1, 2}), pids(b_));
    EXPECT_TRUE(kept.owns_lock());
}

/// The cancel and the release come together, again and again.
class cancel_races_with_the_grant : public cancel {
protected:
    static constexpr int rounds = 300;

    /// \param make takes the lock on key 1, asks whether it is held, and ends it; answers "granted", or
    /// throws.
    /// \param after what the session needs after an error.
    template <class Make, class After>
    void race(const char* what, Make make, After after) {
        observer aside(conninfo());
        const auto backend = pid(b_);
        int granted = 0;
        std::chrono::microseconds lead = 100us; // of the cancel before the release
        constexpr auto step = 30us;
        for (int i = 0; i < rounds; ++i) {
            std::optional<advisory_lock> holder(std::in_place, a_, 1);
            std::atomic<bool> cancelled = false;
            const auto is_held = [&] {
                // The cancel must be out of the way before anything else is sent.
                static_cast<void>(eventually([&] { return cancelled.load(); }));
                const auto rows = aside.holders(1);
                return std::any_of(rows.begin(), rows.end(),
                                   [&](const auto& row) { return row.pid == backend; });
            };
            auto ended = in_background([&]() -> std::string {
                try {
                    return make(is_held) ? "granted" : "granted, and not held";
                } catch (const lock_error& error) {
                    static_cast<void>(eventually([&] { return cancelled.load(); }));
                    after();
                    return is_held() ? "an error, and held" : error.sqlstate();
                }
            });
            ASSERT_TRUE(queued(1));
            const auto release_at = steady_clock::now() + std::max(lead, 0us);
            std::jthread canceller([&, cancel_at = release_at - lead] {
                std::this_thread::sleep_until(cancel_at);
                cancel_backend(backend);
                cancelled = true;
            });
            std::this_thread::sleep_until(release_at);
            holder.reset();
            const std::string end = ended.result();
            canceller.join();
            ASSERT_TRUE(end == "granted" || end == "57014") << end << " in round " << i;
            granted += end == "granted" ? 1 : 0;
            lead += end == "granted" ? step : -step;
            ASSERT_TRUE(look_.advisory_locks().empty()) << "in round " << i << ", which was " << end;
        }
        std::cout << what << ": " << granted << " granted, " << rounds - granted << " cancelled\n";
        EXPECT_GT(granted, rounds / 10);
        EXPECT_LT(granted, rounds - rounds / 10);
        session_is_usable();
    }

    template <class Make>
    void race(const char* what, Make make) {
        race(what, make, [] {});
    }
};

TEST_F(cancel_races_with_the_grant, of_a_blocking_wait) {
    race("block", [&](const auto& is_held) {
        const advisory_lock lock(b_, 1);
        return is_held() && lock.owns_lock();
    });
}

TEST_F(cancel_races_with_the_grant, of_a_bounded_wait) {
    race("timeout", [&](const auto& is_held) {
        const timed_advisory_lock lock(b_, 1, 1h);
        return is_held() && lock.owns_lock();
    });
}

TEST_F(cancel_races_with_the_grant, of_a_blocking_wait_in_a_transaction) {
    race(
        "block in a transaction",
        [&](const auto& is_held) {
            query(b_, "begin");
            bool held = false;
            {
                const advisory_lock lock(b_, 1);
                held = is_held() && lock.owns_lock();
            }
            query(b_, "commit");
            return held;
        },
        [&] { query(b_, "rollback"); });
}

TEST_F(cancel_races_with_the_grant, of_a_bounded_wait_at_transaction_scope) {
    race("timeout at transaction scope", [&](const auto& is_held) {
        pglocks::transaction tx(b_);
        const timed_transaction_advisory_lock lock(tx, 1, 1h);
        const bool held = is_held() && lock.owns_lock();
        tx.commit();
        return held;
    });
}

TEST_F(cancel, hammering_a_session_that_locks_and_unlocks_leaves_nothing_held) {
    constexpr int wanted = 3;
    const auto end = steady_clock::now() + 60s; // it takes about 5
    const auto backend = std::to_string(pid(b_));
    const auto is_free = [&] { return owners(1).empty(); };
    observer hammer(conninfo());
    std::jthread hammering([&](const std::stop_token& done) {
        while (!done.stop_requested()) { // out of step with the locks
            hammer.exec("select pg_cancel_backend(" + backend + ") from pg_sleep(random() / 10000)");
        }
    });
    int round = 0;
    int tries = 0;
    int releases = 0;
    for (; steady_clock::now() < end && (tries < wanted || releases < wanted); ++round) {
        const wire_trace wire(b_);
        advisory_lock lock(b_, 1, std::defer_lock);
        try {
            ASSERT_TRUE(lock.try_lock());
            lock.unlock(); // which reports no cancel
            if (wire.round_trips() > 2) {
                ++releases;
                ASSERT_TRUE(!release_pending(b_) || is_free()) << "in round " << round;
            }
        } catch (const lock_error& error) {
            ASSERT_EQ(error.sqlstate(), "57014") << error.what();
            ++tries;
            ASSERT_FALSE(lock.owns_lock());
            ASSERT_TRUE(!release_pending(b_) || is_free()) << "in round " << round;
        }
    }
    hammering.request_stop();
    hammering.join();
    std::cout << "cancelled in " << round << " rounds: " << tries << " tries, " << releases << " releases\n";
    EXPECT_GE(tries, wanted);
    EXPECT_GE(releases, wanted);
    EXPECT_TRUE(release_pending(b_));
    EXPECT_TRUE(is_free());
    session_is_usable();
    for (const auto& message : failures_.take()) {
        EXPECT_NE(message.find("will be tried again later"), std::string::npos) << message;
    }
}

} // namespace
} // namespace pglocks::test
