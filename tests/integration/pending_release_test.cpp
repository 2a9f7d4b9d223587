// SPDX-License-Identifier: BSL-1.0
// Session locks and transactions: a release that falls into a transaction takes effect with the transaction's
// end.
#include "integration/lock_test.hpp"
#include "support/shared_server.hpp"
#include "support/tcp_proxy.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class pending_release : public lock_test {};

TEST_F(pending_release, a_lock_that_ends_inside_a_transaction_is_held_until_the_commit) {
    soci::transaction tx(a_);
    {
        const advisory_lock lock(a_, "nightly-report");
    }
    EXPECT_EQ(owners(key_of("nightly-report")), pids(a_));
    EXPECT_FALSE(try_advisory_lock(b_, "nightly-report").owns_lock());
    tx.commit(); // and no further call
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_TRUE(try_advisory_lock(b_, "nightly-report").owns_lock());
}

TEST_F(pending_release, a_lock_that_ends_inside_a_transaction_is_held_until_the_rollback) {
    soci::transaction tx(a_);
    {
        const shared_advisory_lock lock(a_, {7, 8});
    }
    EXPECT_EQ(owners({7, 8}, lock_mode::shared), pids(a_));
    tx.rollback();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, a_lock_from_before_the_transaction_that_ends_inside_it_is_held_until_the_commit) {
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    soci::transaction tx(a_);
    lock.reset();
    EXPECT_EQ(owners(1), pids(a_));
    tx.commit();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, it_is_released_by_whatever_ends_the_transaction) {
    const char* const ends[] = {"commit", "end", "rollback", "abort", "commit; begin; commit"};
    for (const char* end : ends) {
        query(a_, "begin");
        {
            const advisory_lock lock(a_, 1);
        }
        EXPECT_EQ(owners(1), pids(a_)) << end;
        query(a_, end);
        EXPECT_TRUE(look_.advisory_locks().empty()) << end;
    }
}

TEST_F(pending_release, commit_and_chain_is_no_end) {
    query(a_, "begin");
    {
        const advisory_lock lock(a_, 1);
    }
    query(a_, "commit and chain");
    EXPECT_EQ(owners(1), pids(a_)) << "a transaction is open";
    query(a_, "commit");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, a_commit_that_fails_is_an_end) {
    query(a_, "create temporary table once (n integer unique deferrable initially deferred)");
    try {
        soci::transaction tx(a_);
        {
            const advisory_lock lock(a_, 1);
        }
        a_ << "insert into once values (1), (1)";
        EXPECT_EQ(owners(1), pids(a_));
        tx.commit();
        FAIL() << "the constraint is not looked at";
    } catch (const soci::soci_error&) {
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
    query(a_, "begin");
    {
        const advisory_lock lock(a_, 1);
    }
    query(a_, "insert into once values (1), (1)");
    EXPECT_THROW(query(a_, "commit"), sql_error);
    EXPECT_TRUE(release_pending(a_))
        << "the server sends the error before it says that the transaction has ended";
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, in_a_failed_transaction_it_is_sent_before_the_users_handler_runs) {
    std::string caught;
    try {
        const soci::transaction tx(a_);
        const advisory_lock lock(a_, 1);
        a_ << "select 1/0";
    } catch (const soci::soci_error& error) {
        EXPECT_TRUE(look_.advisory_locks().empty());
        caught = error.what();
    }
    EXPECT_NE(caught.find("division by zero"), std::string::npos) << caught;
}

TEST_F(pending_release, in_a_failed_transaction_it_waits_for_the_rollback) {
    query(a_, "begin");
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    EXPECT_THROW(query(a_, "select 1/0"), sql_error);
    lock->unlock();
    EXPECT_FALSE(lock->owns_lock());
    EXPECT_TRUE(lock->pending());
    lock.reset();
    EXPECT_EQ(owners(1), pids(a_));
    query(a_, "commit"); // which is a rollback here
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, a_transaction_that_rolls_back_before_the_lock_ends_leaves_nothing_pending) {
    const advisory_lock kept(a_, 2);
    try {
        const advisory_lock lock(a_, 1);
        const soci::transaction tx(a_);
        throw std::runtime_error("the job failed");
    } catch (const std::runtime_error&) {
        EXPECT_TRUE(owners(1).empty());
    }
    EXPECT_EQ(owners(2), pids(a_));
}

TEST_F(pending_release, it_can_be_seen) {
    advisory_lock lock(a_, 1);
    const advisory_lock other(a_, 2);
    query(a_, "begin");
    EXPECT_FALSE(lock.pending());
    lock.unlock();
    EXPECT_TRUE(lock.pending());
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_FALSE(other.pending());
    EXPECT_FALSE(release_pending(a_));
    EXPECT_EQ(owners(1), pids(a_));
    query(a_, "commit");
    EXPECT_FALSE(lock.pending());
    EXPECT_TRUE(release_pending(a_));
}

TEST_F(pending_release, locking_the_key_again_takes_it_back_and_sends_nothing) {
    advisory_lock first(a_, 1);
    query(a_, "begin");
    first.unlock();
    std::optional<advisory_lock> second;
    {
        const wire_trace wire(a_);
        second.emplace(a_, 1);
        EXPECT_TRUE(wire.sent_nothing());
    }
    EXPECT_TRUE(second->owns_lock());
    EXPECT_FALSE(first.pending());
    query(a_, "commit");
    EXPECT_EQ(owners(1), pids(a_));
    second.reset();
    EXPECT_TRUE(look_.advisory_locks().empty()) << "the server counted one hold";
}

TEST_F(pending_release, locking_the_key_in_the_other_mode_does_not_take_it_back) {
    query(a_, "begin");
    {
        const advisory_lock exclusive(a_, 1);
    }
    const shared_advisory_lock shared(a_, 1);
    EXPECT_EQ(owners(1, lock_mode::exclusive), pids(a_));
    EXPECT_EQ(owners(1, lock_mode::shared), pids(a_));
    query(a_, "commit");
    EXPECT_TRUE(owners(1, lock_mode::exclusive).empty());
    EXPECT_EQ(owners(1, lock_mode::shared), pids(a_));
}

TEST_F(pending_release, savepoints_neither_send_it_nor_lose_it) {
    query(a_, "begin");
    std::optional<advisory_lock> outside(std::in_place, a_, 1);
    query(a_, "savepoint s");
    {
        const advisory_lock inside(a_, 2);
    }
    outside.reset();
    query(a_, "rollback to savepoint s");
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_EQ(owners(2), pids(a_));
    query(a_, "release savepoint s");
    EXPECT_EQ(look_.advisory_locks().size(), 2U);
    query(a_, "commit");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, all_keys_modes_and_counts_are_sent_together) {
    query(a_, "begin");
    for (int i = 0; i < 20; ++i) {
        const advisory_lock number(a_, i);
        const advisory_lock pair(a_, {i, -i});
        const shared_advisory_lock shared(a_, i);
        const advisory_lock again(a_, i);
    }
    EXPECT_EQ(look_.advisory_locks().size(), 60U);
    query(a_, "commit");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, what_is_still_owned_stays) {
    const advisory_lock kept(a_, 1);
    query(a_, "begin");
    {
        const advisory_lock same_key(a_, 1);
    }
    {
        const advisory_lock other_key(a_, 2);
    }
    query(a_, "commit");
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_TRUE(owners(2).empty());
    EXPECT_TRUE(kept.owns_lock());
}

TEST_F(pending_release, two_locks_of_one_session_on_one_key_both_own_it) {
    std::optional<advisory_lock> first(std::in_place, a_, 1);
    std::optional<advisory_lock> second(std::in_place, a_, 1);
    EXPECT_TRUE(first->owns_lock());
    EXPECT_TRUE(second->owns_lock());
    first.reset();
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_TRUE(second->owns_lock());
    query(a_, "begin");
    first.emplace(a_, 1);
    first.reset();
    second.reset();
    EXPECT_EQ(owners(1), pids(a_));
    query(a_, "commit");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pending_release, it_outlives_its_lock_object_and_ends_with_the_session) {
    {
        soci::session session = connect();
        query(session, "begin");
        {
            const advisory_lock lock(session, 1);
        }
        EXPECT_EQ(owners(1), pids(session));
    }
    EXPECT_TRUE(nothing_left());
}

TEST_F(pending_release, a_connection_that_is_lost_in_the_transaction_has_nothing_left_to_send) {
    advisory_lock lock(a_, 1);
    query(a_, "begin");
    lock.unlock();
    end_all_others(look_);
    EXPECT_THROW(query(a_, "commit"), sql_error);
    EXPECT_FALSE(lock.pending());
    EXPECT_TRUE(nothing_left());
}

TEST_F(pending_release, discard_all_releases_everything_and_every_lock_knows_it) {
    advisory_lock number(a_, 1);
    const shared_advisory_lock pair(a_, {1, 2});
    query(a_, "discard all");
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_FALSE(number.owns_lock());
    EXPECT_TRUE(number.lost());
    EXPECT_FALSE(pair.owns_lock());
    EXPECT_NO_THROW(number.unlock());
    number.lock();
    EXPECT_EQ(owners(1), pids(a_));
    a_ << "discard all";
    EXPECT_FALSE(number.owns_lock());
    EXPECT_TRUE(look_.advisory_locks().empty());
}

/// A connection that is in the middle of something of the user's.
class busy_connection : public lock_test {
protected:
    /// Refuses an acquisition at either scope, and sends nothing.
    void refuses_to_lock() {
        const wire_trace wire(a_);
        const auto error = error_of<refused>([&] { const advisory_lock lock(a_, 99); });
        EXPECT_NE(std::string(error.what()).find("busy"), std::string::npos) << error.what();
        EXPECT_TRUE(wire.sent_nothing());
    }
};

TEST_F(busy_connection, a_release_waits_for_the_last_of_the_users_rows) {
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    PGconn* const conn = libpq(a_);
    ASSERT_EQ(PQsendQuery(conn, "select n from generate_series(1, 20000) n"), 1);
    ASSERT_EQ(PQsetSingleRowMode(conn), 1);
    long long sum = 0;
    for (postgres::result r(PQgetResult(conn)); r; r.reset(PQgetResult(conn))) {
        if (PQresultStatus(r.get()) == PGRES_SINGLE_TUPLE) {
            sum += std::stoll(PQgetvalue(r.get(), 0, 0));
        }
        if (sum == 15) {
            refuses_to_lock();
            lock->unlock();
            EXPECT_TRUE(lock->pending());
            lock.reset();
            EXPECT_EQ(owners(1), pids(a_));
        }
    }
    EXPECT_EQ(sum, 20000LL * 20001 / 2) << "every row was the user's to read";
    EXPECT_TRUE(release_pending(a_));
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(busy_connection, a_release_waits_for_the_end_of_a_copy_in) {
    query(a_, "create temporary table t (n integer)");
    PGconn* const conn = libpq(a_);
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    ASSERT_EQ(PQresultStatus(postgres::result(PQexec(conn, "copy t from stdin")).get()), PGRES_COPY_IN);
    ASSERT_EQ(PQputCopyData(conn, "1\n", 2), 1);
    refuses_to_lock();
    lock.reset();
    EXPECT_EQ(owners(1), pids(a_));
    ASSERT_EQ(PQputCopyData(conn, "2\n", 2), 1);
    ASSERT_EQ(PQputCopyEnd(conn, nullptr), 1);
    while (const postgres::result r{PQgetResult(conn)}) {
        EXPECT_EQ(PQresultStatus(r.get()), PGRES_COMMAND_OK);
    }
    EXPECT_TRUE(release_pending(a_));
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_EQ(query(a_, "select sum(n) from t"), "3");
}

TEST_F(busy_connection, a_release_waits_for_the_end_of_a_copy_out) {
    PGconn* const conn = libpq(a_);
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    ASSERT_EQ(PQresultStatus(
                  postgres::result(PQexec(conn, "copy (select generate_series(1, 5000)) to stdout")).get()),
              PGRES_COPY_OUT);
    refuses_to_lock();
    lock.reset();
    EXPECT_EQ(owners(1), pids(a_));
    int lines = 0;
    char* line = nullptr;
    while (PQgetCopyData(conn, &line, 0) > 0) {
        ++lines;
        PQfreemem(line);
    }
    EXPECT_EQ(lines, 5000);
    while (const postgres::result r{PQgetResult(conn)}) {
        EXPECT_EQ(PQresultStatus(r.get()), PGRES_COMMAND_OK);
    }
    EXPECT_TRUE(release_pending(a_));
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(busy_connection, a_release_waits_for_the_end_of_pipeline_mode) {
    PGconn* const conn = libpq(a_);
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    ASSERT_EQ(PQenterPipelineMode(conn), 1);
    refuses_to_lock();
    lock.reset();
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_FALSE(release_pending(a_));
    ASSERT_EQ(PQexitPipelineMode(conn), 1);
    EXPECT_TRUE(release_pending(a_));
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(busy_connection, the_next_lock_sends_what_is_pending_before_anything_else) {
    PGconn* const conn = libpq(a_);
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    ASSERT_EQ(PQenterPipelineMode(conn), 1);
    lock.reset();
    ASSERT_EQ(PQexitPipelineMode(conn), 1);
    const advisory_lock next(a_, 2);
    EXPECT_TRUE(owners(1).empty());
    EXPECT_EQ(owners(2), pids(a_));
}

TEST_F(pending_release, many_do_not_cost_the_connection_of_a_bounded_wait) {
    tcp_proxy proxy(shared_server());
    soci::session session(soci::postgresql, proxy.conninfo());
    session_preset{.patience = 200ms}.apply(session);
    std::vector<advisory_lock> locks;
    for (int key = 1; key <= 30; ++key) {
        locks.emplace_back(session, key);
    }
    query(session, "begin");
    for (auto& lock : locks) {
        lock.unlock();
    }
    PGconn* const conn = libpq(session);
    ASSERT_EQ(PQenterPipelineMode(conn), 1); // in which nothing is sent behind the user's back
    ASSERT_EQ(PQsendQueryParams(conn, "commit", 0, nullptr, nullptr, nullptr, nullptr, 0), 1);
    ASSERT_EQ(PQpipelineSync(conn), 1);
    for (int nulls = 0; nulls < 2;) {
        const postgres::result r(PQgetResult(conn));
        nulls += !r || PQresultStatus(r.get()) == PGRES_PIPELINE_SYNC ? 1 : 0;
    }
    ASSERT_EQ(PQexitPipelineMode(conn), 1);
    ASSERT_TRUE(locks.front().pending());
    proxy.delay(10ms); // one after the other would take longer than the patience
    {
        const timed_advisory_lock lock(session, 1000, 1ms);
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_FALSE(locks.front().pending());
        EXPECT_FALSE(locks.back().pending()) << "all go in one statement";
    }
    proxy.forward();
    EXPECT_TRUE(release_pending(session));
    EXPECT_TRUE(look_.advisory_locks().empty());
}

} // namespace
} // namespace pglocks::test
