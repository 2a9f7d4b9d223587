// SPDX-License-Identifier: BSL-1.0
// Where a lock would protect nothing or cannot be had, it is refused before it is asked for, or says why.
#include "integration/lock_test.hpp"
#include "support/pgbouncer.hpp"
#include "support/postgres_server.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

[[nodiscard]] testing::AssertionResult says(const std::string& text, std::string_view part) {
    if (text.find(part) != std::string::npos) {
        return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << '"' << text << "\" does not say \"" << part << '"';
}

class refusal : public lock_test {};

TEST_F(refusal, of_a_name_that_the_server_could_not_hash_sends_nothing) {
    const wire_trace wire(a_);
    const std::string with_nul("a\0b", 3);
    EXPECT_THROW(static_cast<void>(advisory_lock(a_, with_nul, std::defer_lock)), refused);
    const char* const null = nullptr;
    EXPECT_TRUE(says(error_of<refused>([&] { const advisory_lock lock(a_, null); }).what(), "null pointer"));
    EXPECT_TRUE(wire.sent_nothing());
}

TEST_F(refusal, of_a_session_of_another_database_system_names_it) {
    soci::session other("sqlite3", "dbname=:memory:");
    const auto error = error_of<refused>([&] { const advisory_lock lock(other, "nightly-report"); });
    EXPECT_TRUE(says(error.what(), "\"sqlite3\""));
    EXPECT_TRUE(says(error.what(), "\"postgresql\""));
    EXPECT_EQ(error.name(), "nightly-report");
}

TEST_F(refusal, of_a_session_that_was_never_opened_says_so) {
    soci::session closed;
    EXPECT_TRUE(says(error_of<refused>([&] { const advisory_lock lock(closed, 1); }).what(), "not open"));
    EXPECT_FALSE(advisory_lock(closed, 1, std::defer_lock).owns_lock());
}

TEST_F(refusal, is_a_soci_error) {
    soci::session closed;
    EXPECT_THROW(static_cast<void>(advisory_lock(closed, 1)), soci::soci_error);
}

/// A role that may not call the functions of advisory locks.
class without_permission : public testing::Test {
protected:
    void SetUp() override {
        look_.exec("create role guest login");
        for (const char* function : {"pg_try_advisory_lock", "pg_advisory_lock", "pg_try_advisory_xact_lock",
                                     "pg_advisory_xact_lock"}) {
            look_.exec("revoke execute on function " + std::string(function) + "(bigint) from public");
        }
        guest_.open(soci::postgresql, server_.conninfo() + " user=guest");
    }

    postgres_server server_;
    observer look_{server_.conninfo()};
    soci::session guest_;
};

TEST_F(without_permission, the_error_is_the_servers_and_the_session_is_usable) {
    for (int i = 0; i < 2; ++i) {
        const auto error = error_of<lock_error>([&] { const advisory_lock lock(guest_, "nightly-report"); });
        EXPECT_EQ(error.sqlstate(), "42501");
        EXPECT_EQ(error.name(), "nightly-report");
        EXPECT_TRUE(says(error.message(), "permission denied"));
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    const advisory_lock pair(guest_, {1, 2});
    EXPECT_EQ(look_.holders(1, 2).size(), 1U);
}

TEST_F(without_permission, to_wait_the_wait_fails_with_nothing_held) {
    look_.exec("grant execute on function pg_try_advisory_lock(bigint) to public");
    soci::session owner(soci::postgresql, server_.conninfo());
    const advisory_lock holder(owner, 1);
    EXPECT_EQ(error_of<lock_error>([&] { const advisory_lock lock(guest_, 1); }).sqlstate(), "42501");
    query(guest_, "begin");
    EXPECT_EQ(error_of<lock_error>([&] { static_cast<void>(timed_advisory_lock(guest_, 1, 1h)); }).sqlstate(),
              "42501");
    query(guest_, "rollback");
    EXPECT_EQ(error_of<lock_error>([&] { static_cast<void>(timed_advisory_lock(guest_, 1, 1h)); }).sqlstate(),
              "42501");
    EXPECT_EQ(look_.holders(1).size(), 1U);
    EXPECT_TRUE(look_.waiters(1).empty());
}

TEST_F(without_permission, in_a_transaction_the_transaction_fails_and_the_session_is_usable_after_it) {
    pglocks::transaction tx(guest_);
    EXPECT_EQ(error_of<lock_error>([&] { const transaction_advisory_lock lock(tx, 1); }).sqlstate(), "42501");
    EXPECT_EQ(error_of<refused>([&] { const transaction_advisory_lock lock(tx, {1, 2}); }).sqlstate(),
              "25P02");
    tx.rollback();
    const advisory_lock pair(guest_, {1, 2});
    EXPECT_EQ(look_.holders(1, 2).size(), 1U);
}

/// PgBouncer in front of a server, in transaction mode.
class pooler : public testing::Test {
protected:
    postgres_server server_;
    observer look_{server_.conninfo()};
    pgbouncer pgbouncer_{server_, pool_mode::transaction};
    soci::session session_{soci::postgresql, pgbouncer_.conninfo()};
};

TEST_F(pooler, a_session_lock_is_refused_and_told_what_to_do) {
    const auto error = error_of<refused>([&] { const advisory_lock lock(session_, "nightly-report"); });
    EXPECT_TRUE(says(error.what(), "pooler"));
    EXPECT_TRUE(says(error.advice(), "scope::transaction"));
    query(session_, "begin");
    EXPECT_THROW(static_cast<void>(advisory_lock(session_, "nightly-report")), refused);
    query(session_, "commit");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(pooler, a_transaction_lock_works) {
    soci::session other(soci::postgresql, pgbouncer_.conninfo());
    {
        pglocks::transaction tx(session_);
        const transaction_advisory_lock lock(tx, 1);
        EXPECT_EQ(look_.holders(1).size(), 1U);
        pglocks::transaction other_tx(other);
        const try_transaction_advisory_lock refused_at_once(other_tx, 1);
        EXPECT_FALSE(refused_at_once.owns_lock());
        const timed_transaction_advisory_lock refused_later(other_tx, 1, 10ms);
        EXPECT_FALSE(refused_later.owns_lock());
        other_tx.commit();
        tx.commit();
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    pglocks::transaction other_tx(other);
    const timed_transaction_advisory_lock lock(other_tx, 1, 10ms);
    EXPECT_TRUE(lock.owns_lock());
}

} // namespace
} // namespace pglocks::test
