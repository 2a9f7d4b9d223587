// SPDX-License-Identifier: BSL-1.0
// The server's lock table is finite.
#include "integration/lock_test.hpp"
#include "support/postgres_server.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

/// A server with the smallest lock table there is.
class lock_table : public testing::Test {
protected:
    void SetUp() override {
        // Whoever connects or looks into a table later finds no room for that.
        EXPECT_EQ(held(), 0U);
        const try_advisory_lock asks_what_server_it_is(session_, 0);
        const try_advisory_lock asks_too(other_, 1);
        ASSERT_EQ(held(), 2U);
    }

    [[nodiscard]] std::size_t held() {
        return std::stoul(
            look_.value("select count(*) from pg_lock_status() where locktype = 'advisory' and granted"));
    }

    /// Takes locks until there is no room for another one.
    void fill() {
        constexpr int more_than_enough = 100000;
        try {
            for (int key = 0; key < more_than_enough; ++key) {
                taken_.emplace_back(session_, key);
            }
            FAIL() << "the lock table does not end";
        } catch (const lock_table_full& error) {
            EXPECT_EQ(error.sqlstate(), "53200");
            EXPECT_EQ(error.key(), lock_key(static_cast<int>(taken_.size())));
            EXPECT_NE(error.advice().find("max_locks_per_transaction"), std::string::npos) << error.what();
        }
    }

    static constexpr std::int64_t unused = -1;

    captured_release_failures failures_;
    postgres_server server_{{"max_locks_per_transaction", "10"},
                            {"max_connections", "5"},
                            {"max_wal_senders", "0"},
                            {"autovacuum", "off"},
                            {"max_worker_processes", "0"}};
    observer look_{server_.conninfo()};
    soci::session session_{soci::postgresql, server_.conninfo()};
    soci::session other_{soci::postgresql, server_.conninfo()};
    std::vector<advisory_lock> taken_;
};

TEST_F(lock_table, when_it_is_full_the_lock_says_so_and_nothing_is_leaked) {
    fill();
    EXPECT_EQ(held(), taken_.size());
    EXPECT_THROW(static_cast<void>(try_advisory_lock(session_, unused)), lock_table_full);
    EXPECT_THROW(static_cast<void>(timed_advisory_lock(session_, unused, 1s)), lock_table_full);
    EXPECT_THROW(static_cast<void>(polled_advisory_lock(session_, unused, 1s)), lock_table_full);
    EXPECT_THROW(static_cast<void>(shared_advisory_lock(session_, {-1, -1})), lock_table_full);
    EXPECT_EQ(held(), taken_.size());
    EXPECT_EQ(PQtransactionStatus(libpq(session_)), PQTRANS_IDLE);
    // The session goes on, and there is room again when something is released.
    const std::size_t before = taken_.size();
    taken_.resize(0);
    EXPECT_EQ(held(), 0U);
    EXPECT_GT(before, 10U);
    const advisory_lock lock(session_, unused);
    EXPECT_EQ(look_.holders(unused).size(), 1U);
    EXPECT_TRUE(failures_.take().empty());
}

TEST_F(lock_table, when_it_is_full_in_a_transaction_the_transaction_fails_and_nothing_is_leaked) {
    fill();
    {
        soci::transaction tx(session_);
        EXPECT_THROW(static_cast<void>(advisory_lock(session_, unused)), lock_table_full);
        EXPECT_EQ(PQtransactionStatus(libpq(session_)), PQTRANS_INERROR);
        tx.rollback();
    }
    {
        pglocks::transaction tx(session_);
        EXPECT_THROW(transaction_advisory_lock(tx, unused), lock_table_full);
        tx.rollback();
    }
    EXPECT_EQ(held(), taken_.size());
    EXPECT_TRUE(release_pending(session_));
    taken_.clear();
    EXPECT_EQ(held(), 0U);
    pglocks::transaction tx(session_);
    const transaction_advisory_lock lock(tx, unused);
    EXPECT_EQ(look_.holders(unused).size(), 1U);
    EXPECT_TRUE(failures_.take().empty());
}

TEST_F(lock_table, a_key_that_is_held_needs_no_room) {
    fill();
    const advisory_lock again(session_, 0);
    EXPECT_TRUE(again.owns_lock());
    EXPECT_THROW(static_cast<void>(try_advisory_lock(other_, 0)), lock_table_full)
        << "for another session it does";
    EXPECT_THROW(static_cast<void>(try_advisory_lock(other_, unused)), lock_table_full);
    EXPECT_EQ(held(), taken_.size());
}

} // namespace
} // namespace pglocks::test
