// SPDX-License-Identifier: BSL-1.0
// Locks that end with their transaction.
#include "integration/lock_test.hpp"

#include <optional>
#include <stdexcept>
#include <string>

namespace pglocks::test {
namespace {

class transaction_scope : public lock_test {
protected:
    void SetUp() override {
        lock_test::SetUp();
        query(a_, "set client_min_messages = error"); // no warnings about nested transactions
    }
};

TEST_F(transaction_scope, a_lock_is_held_until_the_commit) {
    pglocks::transaction tx(a_);
    {
        const transaction_advisory_lock lock(tx, "invoice:17");
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_EQ(owners(lock.key(), lock_mode::exclusive), pids(a_));
    }
    EXPECT_EQ(owners(key_of("invoice:17")), pids(a_)) << "the lock object does not end it";
    tx.commit();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, a_lock_is_held_until_the_rollback) {
    pglocks::transaction tx(a_);
    const shared_transaction_advisory_lock lock(tx, {3, 4});
    EXPECT_EQ(owners({3, 4}, lock_mode::shared), pids(a_));
    tx.rollback();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, a_lock_ends_when_an_exception_leaves_the_transaction) {
    try {
        pglocks::transaction tx(a_);
        const transaction_advisory_lock lock(tx, 1);
        EXPECT_EQ(owners(1), pids(a_));
        throw std::runtime_error("the request failed");
    } catch (const std::runtime_error&) {
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
}

TEST_F(transaction_scope, a_rollback_to_a_savepoint_ends_what_was_locked_inside_and_nothing_else) {
    pglocks::transaction tx(a_);
    const transaction_advisory_lock before(tx, 1);
    query(a_, "savepoint s");
    const transaction_advisory_lock inside(tx, 2);
    const transaction_advisory_lock again(tx, 1);
    EXPECT_EQ(owners(2), pids(a_));
    query(a_, "rollback to savepoint s");
    EXPECT_TRUE(owners(2).empty());
    EXPECT_EQ(owners(1), pids(a_));
    const transaction_advisory_lock after(tx, 3);
    tx.commit();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, a_released_savepoint_keeps_what_was_locked_inside) {
    pglocks::transaction tx(a_);
    query(a_, "savepoint s");
    const transaction_advisory_lock inside(tx, 2);
    query(a_, "release savepoint s");
    EXPECT_EQ(owners(2), pids(a_));
    tx.commit();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, commit_and_chain_ends_the_lock_and_the_next_transaction_takes_its_own) {
    pglocks::transaction tx(a_);
    const transaction_advisory_lock first(tx, 1);
    query(a_, "commit and chain");
    EXPECT_TRUE(owners(1).empty());
    const transaction_advisory_lock second(tx, 2);
    EXPECT_EQ(owners(2), pids(a_));
    tx.rollback();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, a_lock_is_taken_with_a_session_and_its_soci_transaction) {
    soci::transaction tx(a_);
    const transaction_advisory_lock by_name(a_, tx, "invoice:17");
    const try_transaction_advisory_lock by_key(a_, tx, 5);
    const timed_transaction_advisory_lock by_pair(a_, tx, {5, 5}, std::chrono::milliseconds(1));
    EXPECT_TRUE(by_key.owns_lock());
    EXPECT_TRUE(by_pair.owns_lock());
    EXPECT_EQ(owners(key_of("invoice:17")), pids(a_));
    EXPECT_EQ(owners(5), pids(a_));
    EXPECT_EQ(owners({5, 5}), pids(a_));
    tx.commit();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, a_deferred_lock_is_taken_later_in_the_same_transaction) {
    pglocks::transaction tx(a_);
    transaction_advisory_lock lock(tx, 1, std::defer_lock);
    EXPECT_FALSE(lock.owns_lock());
    lock.lock();
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_TRUE(throws(std::errc::resource_deadlock_would_occur, [&] { lock.lock(); }));
    tx.commit();
    EXPECT_TRUE(lock.owns_lock()) << "it was granted";
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, without_an_open_transaction_the_lock_is_refused_and_nothing_is_sent) {
    soci::transaction tx(a_);
    tx.commit();
    const wire_trace wire(a_);
    const auto error = error_of<refused>([&] { const transaction_advisory_lock lock(a_, tx, "invoice:17"); });
    EXPECT_EQ(error.sqlstate(), "25P01");
    EXPECT_EQ(error.name(), "invoice:17");
    EXPECT_EQ(error.key(), key_of("invoice:17"));
    EXPECT_TRUE(wire.sent_nothing());
}

TEST_F(transaction_scope, another_sessions_transaction_does_not_do) {
    soci::transaction tx(a_);
    EXPECT_EQ(error_of<refused>([&] { const transaction_advisory_lock lock(b_, tx, 1); }).sqlstate(),
              "25P01");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(transaction_scope, in_a_failed_transaction_the_lock_is_refused_and_nothing_is_sent) {
    pglocks::transaction tx(a_);
    EXPECT_THROW(query(a_, "select 1/0"), sql_error);
    {
        const wire_trace wire(a_);
        EXPECT_EQ(error_of<refused>([&] { const transaction_advisory_lock lock(tx, 1); }).sqlstate(),
                  "25P02");
        EXPECT_EQ(error_of<refused>([&] { const advisory_lock lock(a_, 1); }).sqlstate(), "25P02");
        EXPECT_TRUE(wire.sent_nothing());
    }
    tx.rollback();
    const advisory_lock usable(a_, 1);
    EXPECT_EQ(owners(1), pids(a_));
}

TEST_F(transaction_scope, the_commit_of_a_nested_soci_transaction_ends_the_lock_and_the_next_one_is_refused) {
    pglocks::transaction outer(a_);
    const transaction_advisory_lock lock(outer, 1);
    {
        soci::transaction inner(a_);
        inner.commit();
    }
    EXPECT_TRUE(owners(1).empty()) << "PostgreSQL has one transaction per session";
    EXPECT_EQ(error_of<refused>([&] { const transaction_advisory_lock next(outer, 2); }).sqlstate(), "25P01");
    outer.rollback();
}

TEST_F(transaction_scope, a_transaction_lock_and_a_session_lock_of_one_session_go_together) {
    std::optional<advisory_lock> longer(std::in_place, a_, 1);
    {
        pglocks::transaction tx(a_);
        const transaction_advisory_lock shorter(tx, 1);
        EXPECT_TRUE(shorter.owns_lock());
        tx.commit();
    }
    EXPECT_EQ(owners(1), pids(a_)) << "the session's hold stays";
    longer.reset();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

} // namespace
} // namespace pglocks::test
