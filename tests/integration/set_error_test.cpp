// SPDX-License-Identifier: BSL-1.0
// Sets that end with an error, in any step: a cancel, a deadlock, a lost connection, a full lock table.
#include "integration/lock_set_test.hpp"
#include "support/postgres_server.hpp"

#include <atomic>
#include <chrono>
#include <iostream>
#include <numeric>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class lock_set_with_an_error : public lock_set_test {
protected:
    void cancel(int backend) { look_.exec("select pg_cancel_backend(" + std::to_string(backend) + ")"); }

    /// The error of a wait that is cancelled while it waits for {1, 2}, which another session holds.
    template <class Wait>
    [[nodiscard]] std::string cancelled(Wait wait) {
        const advisory_lock other(a_, {1, 2});
        const int backend = pid(b_);
        auto state = in_background([&] { return error_of<lock_error>(wait).sqlstate(); });
        EXPECT_TRUE(queued({1, 2}));
        EXPECT_GE(keys_of(backend).size(), 3U) << "it has those before";
        cancel(backend);
        return state.result();
    }
};

TEST_F(lock_set_with_an_error, holds_nothing_after_a_cancel_of_its_wait) {
    const advisory_lock kept(b_, 1000);
    EXPECT_EQ(cancelled([&] { const advisory_lock_set<> locks(b_, mixed); }), "57014");
    EXPECT_EQ(cancelled([&] { const timed_set locks(b_, mixed, 1h); }), "57014");
    EXPECT_EQ(held(b_), key_list{1000});
    const advisory_lock_set<> locks(b_, mixed);
    EXPECT_EQ(held(b_).size(), in_order.size() + 1);
}

TEST_F(lock_set_with_an_error, leaves_the_transaction_and_its_savepoints_as_they_were) {
    query(b_, "create temporary table t (n integer)");
    pglocks::transaction tx(b_);
    query(b_, "insert into t values (1); savepoint mine; insert into t values (2)");
    EXPECT_EQ(cancelled([&] { const advisory_lock_set<> locks(b_, mixed); }), "57014");
    EXPECT_EQ(cancelled([&] { const timed_set locks(b_, mixed, 1h); }), "57014");
    EXPECT_EQ(cancelled([&] { const transaction_set locks(tx, mixed); }), "57014");
    EXPECT_EQ(cancelled([&] { const timed_transaction_set locks(tx, mixed, 1h); }), "57014");
    EXPECT_TRUE(held(b_).empty());
    {
        const advisory_lock other(a_, 3);
        EXPECT_FALSE(try_transaction_set(tx, mixed).owns_lock());
    }
    EXPECT_EQ(query(b_, "select count(*) from t"), "2");
    query(b_, "rollback to mine");
    EXPECT_EQ(query(b_, "select count(*) from t"), "1");
    tx.commit();
    EXPECT_EQ(query(b_, "select count(*) from t"), "1");
}

TEST_F(lock_set_with_an_error, is_the_victim_of_a_deadlock_and_holds_nothing) {
    query(b_, "set deadlock_timeout = '10ms'");
    query(a_, "set deadlock_timeout = '1h'");
    advisory_lock mine(b_, 100);
    const advisory_lock theirs(a_, {1, 2});
    auto survivor = in_background([&] { return advisory_lock(a_, 100).owns_lock(); });
    ASSERT_TRUE(queued(100));
    const auto error = error_of<deadlock_detected>([&] { const advisory_lock_set<> locks(b_, mixed); });
    EXPECT_EQ(error.locks(), in_order.size());
    EXPECT_EQ(error.key(), in_order.front());
    EXPECT_FALSE(error.detail().empty());
    EXPECT_EQ(held(b_), key_list{100});
    mine.unlock();
    EXPECT_TRUE(survivor.result());
}

TEST_F(lock_set_with_an_error, obeys_the_sessions_own_lock_timeout_without_a_bound) {
    query(b_, "set lock_timeout = '10ms'");
    const advisory_lock other(a_, {1, 2});
    const auto error = error_of<lock_error>([&] { const advisory_lock_set<> locks(b_, mixed); });
    EXPECT_EQ(error.sqlstate(), "55P03");
    EXPECT_TRUE(held(b_).empty());
}

TEST_F(lock_set_with_an_error, of_the_connection_while_it_waits_holds_nothing) {
    const advisory_lock other(a_, {1, 2});
    const int backend = pid(b_);
    auto state = in_background([&] {
        return error_of<connection_lost>([&] { const advisory_lock_set<> locks(b_, mixed); }).sqlstate();
    });
    ASSERT_TRUE(queued({1, 2}));
    look_.exec("select pg_terminate_backend(" + std::to_string(backend) + ")");
    EXPECT_EQ(state.result(), "57P01");
    EXPECT_TRUE(eventually([&] { return keys_of(backend).empty(); }));
}

TEST_F(lock_set_with_an_error, in_a_transaction_gives_back_what_a_try_took_when_that_has_ended) {
    std::vector<int> keys(5'000);
    std::iota(keys.begin(), keys.end(), 0);
    // A try of so many keys does not keep to it. It ends with the transaction, before they are given back.
    query(b_, "begin; set local statement_timeout = '1ms'");
    try {
        const try_set locks(b_, keys);
        ADD_FAILURE() << "it was quicker than a millisecond";
    } catch (const lock_error& error) {
        EXPECT_EQ(error.sqlstate(), "57014") << error.what();
    }
    EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INERROR);
    query(b_, "rollback");
    EXPECT_TRUE(release_pending(b_));
    EXPECT_TRUE(held(b_).empty());
}

/// Many cancels, out of step with sets that are taken and released.
TEST_F(lock_set_with_an_error, hammered_with_cancels_holds_what_it_says) {
    std::vector<int> keys(300);
    std::iota(keys.begin(), keys.end(), 0);
    const auto backend = std::to_string(pid(b_));
    observer hammer(conninfo());
    std::jthread hammering([&](const std::stop_token& done) {
        while (!done.stop_requested()) {
            hammer.exec("select pg_cancel_backend(" + backend + ") from pg_sleep(random() / 1000)");
        }
    });
    constexpr int wanted = 10;
    const auto end = steady_clock::now() + 60s; // it takes much less
    int errors = 0;
    int rounds = 0;
    const auto nothing_is_held = [&] { return keys_of(pid(b_)).empty(); };
    const auto round = [&](auto make) {
        try {
            auto locks = make();
            ASSERT_TRUE(locks.owns_lock());
            ASSERT_EQ(keys_of(pid(b_)).size(), keys.size());
            locks.unlock();
        } catch (const lock_error& error) {
            ++errors;
            ASSERT_EQ(error.sqlstate(), "57014") << error.what();
        }
        ASSERT_TRUE(!release_pending(b_) || nothing_is_held()) << "in round " << rounds;
        ++rounds;
    };
    while (steady_clock::now() < end && (errors < wanted || rounds < 400) && !HasFatalFailure()) {
        round([&] { return advisory_lock_set<>(b_, keys); });
        round([&] { return try_set(b_, keys); });
        round([&] { return timed_set(b_, keys, 1h); });
        round([&] { return shared_set(b_, keys); });
    }
    hammering.request_stop();
    hammering.join();
    std::cout << rounds << " rounds, " << errors << " cancelled\n";
    EXPECT_GE(errors, wanted);
    EXPECT_GT(rounds, errors);
    EXPECT_TRUE(release_pending(b_));
    EXPECT_TRUE(nothing_is_held());
    for (const auto& message : failures_.take()) {
        EXPECT_NE(message.find("will be tried again later"), std::string::npos) << message;
    }
}

TEST(lock_table_and_sets, a_set_for_which_it_is_too_small_says_so_and_holds_nothing) {
    const captured_release_failures failures;
    postgres_server server{{"max_locks_per_transaction", "10"},
                           {"max_connections", "5"},
                           {"max_wal_senders", "0"},
                           {"autovacuum", "off"},
                           {"max_worker_processes", "0"}};
    observer look(server.conninfo());
    soci::session session(soci::postgresql, server.conninfo());
    const auto held = [&] {
        return look.value("select count(*) from pg_lock_status() where locktype = 'advisory'");
    };
    EXPECT_EQ(held(), "0");
    std::vector<int> keys(100'000);
    std::iota(keys.begin(), keys.end(), 0);
    const auto is_told = [&](auto acquire) {
        const auto error = error_of<lock_table_full>(acquire);
        EXPECT_EQ(error.sqlstate(), "53200");
        EXPECT_EQ(error.locks(), keys.size());
        EXPECT_NE(std::string(error.what()).find("100000 locks"), std::string::npos) << error.what();
        EXPECT_NE(error.advice().find("max_locks_per_transaction"), std::string::npos) << error.what();
        EXPECT_NE(error.advice().find("max_connections"), std::string::npos) << error.what();
    };
    is_told([&] { const advisory_lock_set<> locks(session, keys); });
    EXPECT_EQ(held(), "0");
    is_told([&] { const try_set locks(session, keys); });
    EXPECT_EQ(held(), "0");
    is_told([&] { const timed_set locks(session, keys, 1h); });
    EXPECT_EQ(held(), "0");
    {
        pglocks::transaction tx(session);
        is_told([&] { const transaction_set locks(tx, keys); });
        is_told([&] { const try_transaction_set locks(tx, keys); });
        is_told([&] { const advisory_lock_set<> locks(session, keys); });
        EXPECT_EQ(held(), "0") << "in the open transaction";
        is_told([&] { const try_set locks(session, keys); });
        tx.rollback();
        EXPECT_TRUE(release_pending(session));
        EXPECT_EQ(held(), "0");
    }
    const advisory_lock_set<> locks(session, {1, 2, 3});
    EXPECT_EQ(held(), "3");
}

} // namespace
} // namespace pglocks::test
