// SPDX-License-Identifier: BSL-1.0
// Releases of sets that have to wait, and sets behind poolers.
#include "integration/lock_set_test.hpp"
#include "support/pgbouncer.hpp"

#include <chrono>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class release_of_a_set : public lock_set_test {};

TEST_F(release_of_a_set, waits_for_the_transaction_it_fell_into) {
    for (const bool commits : {true, false}) {
        query(a_, "begin");
        advisory_lock_set<> locks(a_, mixed);
        locks.unlock();
        EXPECT_TRUE(locks.pending());
        EXPECT_FALSE(locks.owns_lock());
        EXPECT_EQ(held(a_), in_order);
        const wire_trace wire(a_);
        query(a_, commits ? "commit" : "rollback");
        EXPECT_EQ(wire.round_trips(), 2) << "its own, and one for all the locks";
        EXPECT_FALSE(locks.pending());
        EXPECT_TRUE(held(a_).empty());
    }
}

TEST_F(release_of_a_set, waits_for_the_end_of_a_failed_transaction) {
    query(a_, "begin");
    std::optional<advisory_lock_set<>> locks(std::in_place, a_, mixed);
    EXPECT_THROW(query(a_, "select 1/0"), sql_error);
    locks.reset();
    EXPECT_EQ(held(a_), in_order);
    query(a_, "rollback");
    EXPECT_TRUE(held(a_).empty());
}

TEST_F(release_of_a_set, is_taken_back_by_the_next_one) {
    query(a_, "begin");
    {
        const advisory_lock_set<> locks(a_, mixed);
    }
    {
        const wire_trace wire(a_);
        const advisory_lock_set<> locks(a_, {3, {1, 2}});
        EXPECT_TRUE(wire.sent_nothing());
        const advisory_lock_set<> more(a_, {3, 4});
        EXPECT_EQ(wire.round_trips(), 1) << "one of them was not held";
    }
    const advisory_lock single(a_, 3);
    query(a_, "commit");
    EXPECT_EQ(held(a_), key_list{3});
    EXPECT_FALSE(is_free(b_, 3));
}

TEST_F(release_of_a_set, leaves_what_other_sets_hold) {
    query(a_, "begin");
    const advisory_lock_set<> kept(a_, {1, 2, 3});
    {
        const advisory_lock_set<> inner(a_, {2, 3, 4});
        const shared_set in_another_mode(a_, {3, 4, 5});
    }
    query(a_, "commit");
    EXPECT_EQ(held(a_), (key_list{1, 2, 3}));
    EXPECT_EQ(owners(3, lock_mode::exclusive), pids(a_));
    EXPECT_TRUE(owners(3, lock_mode::shared).empty());
}

TEST_F(release_of_a_set, of_many_single_locks_is_one_statement_for_each_mode) {
    std::vector<advisory_lock> locks;
    std::vector<shared_advisory_lock> shared;
    for (int key = 0; key < 50; ++key) {
        locks.emplace_back(a_, key);
        shared.emplace_back(a_, lock_key(key, 1));
    }
    query(a_, "begin");
    locks.clear();
    shared.clear();
    const wire_trace wire(a_);
    query(a_, "commit");
    EXPECT_EQ(wire.round_trips(), 3);
    EXPECT_TRUE(held(a_).empty());
}

TEST_F(release_of_a_set, tells_once_of_a_lock_in_doubt_that_was_not_held) {
    advisory_lock single(a_, 3);
    query(a_, "set client_min_messages to error; set statement_timeout = '20ms'");
    EXPECT_EQ(error_of<lock_error>([&] {
                  const advisory_lock other(b_, 4);
                  const advisory_lock_set<> locks(a_, {3, 4});
              }).sqlstate(),
              "57014");
    query(a_, "set statement_timeout = 0; select pg_advisory_unlock_all()");
    EXPECT_EQ(error_of<not_held>([&] { single.unlock(); }).key(), lock_key(3));
    {
        const advisory_lock_set<> locks(a_, mixed);
    }
    EXPECT_TRUE(failures_.take().empty()) << "it was thrown, and is not reported, too";
}

TEST_F(release_of_a_set, tells_of_each_pending_one_that_was_not_held) {
    query(a_, "set client_min_messages to error");
    query(a_, "begin");
    {
        const advisory_lock_set<> locks(a_, mixed);
    }
    query(a_, "select pg_advisory_unlock(3), pg_advisory_unlock(1, 2)");
    query(a_, "commit");
    const auto failures = failures_.take();
    ASSERT_EQ(failures.size(), 2U);
    EXPECT_NE(failures[0].find("key 3 "), std::string::npos) << failures[0];
    EXPECT_NE(failures[1].find("key 1, 2 "), std::string::npos) << failures[1];
}

class set_behind_a_pooler : public lock_set_test {
protected:
    [[nodiscard]] key_list all_held() {
        key_list keys;
        for (const auto& row : look_.advisory_locks()) {
            keys.push_back(
                *lock_key::from_pg_locks(row.classid, row.objid, static_cast<std::uint16_t>(row.objsubid)));
        }
        std::sort(keys.begin(), keys.end());
        return keys;
    }
};

TEST_F(set_behind_a_pooler, at_session_scope_is_refused_until_the_pooler_is_declared) {
    const pgbouncer pooler(shared_server(), pool_mode::session);
    soci::session session(soci::postgresql, pooler.conninfo());
    EXPECT_THROW(static_cast<void>(advisory_lock_set<>(session, mixed, std::try_to_lock)), refused);
    declare_session_pooler(session);
    for (int round = 0; round < 2; ++round) {
        advisory_lock_set<> locks(session, mixed);
        EXPECT_EQ(all_held(), in_order);
        EXPECT_FALSE(try_set(b_, {3}).owns_lock());
        locks.unlock();
        EXPECT_TRUE(all_held().empty());
    }
    {
        const timed_set timed(session, mixed, 1h);
        const advisory_lock other(b_, 4);
        EXPECT_FALSE(try_set(session, {3, 4}).owns_lock());
        EXPECT_FALSE(timed_set(session, {3, 4}, 5ms).owns_lock());
        EXPECT_EQ(all_held().size(), in_order.size() + 1);
    }
    query(session, "begin");
    {
        const shared_set locks(session, mixed);
    }
    query(session, "commit");
    EXPECT_TRUE(all_held().empty());
}

TEST_F(set_behind_a_pooler, does_nothing_on_a_backend_that_is_not_its_own) {
    const pgbouncer pooler(shared_server(), pool_mode::session);
    soci::session session(soci::postgresql, pooler.conninfo());
    declare_session_pooler(session);
    query(session, "select set_config('pglocks.session', 'somebody else', false)"); // as if it were another's
    EXPECT_THROW(static_cast<void>(advisory_lock_set<>(session, mixed, std::try_to_lock)), connection_lost);
    EXPECT_TRUE(all_held().empty());
}

TEST_F(set_behind_a_pooler, at_transaction_scope_works_in_transaction_mode) {
    const pgbouncer pooler(shared_server(), pool_mode::transaction);
    soci::session session(soci::postgresql, pooler.conninfo());
    const auto works = [&](auto acquire) {
        pglocks::transaction tx(session);
        EXPECT_TRUE(acquire(tx));
        EXPECT_EQ(all_held(), in_order);
        tx.commit();
        EXPECT_TRUE(eventually([&] { return all_held().empty(); }));
    };
    works([&](auto& tx) { return transaction_set(tx, mixed).owns_lock(); });
    works([&](auto& tx) { return try_transaction_set(tx, mixed).owns_lock(); });
    works([&](auto& tx) { return timed_transaction_set(tx, mixed, 1h).owns_lock(); });
    const advisory_lock other(b_, 3);
    pglocks::transaction tx(session);
    EXPECT_FALSE(try_transaction_set(tx, mixed).owns_lock());
    EXPECT_FALSE(timed_transaction_set(tx, mixed, 5ms).owns_lock());
    EXPECT_EQ(all_held(), key_list{3});
    tx.commit();
}

} // namespace
} // namespace pglocks::test
