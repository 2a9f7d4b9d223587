// SPDX-License-Identifier: BSL-1.0
// The look at pg_locks from outside: what the tests rely on.
#include "support/child_process.hpp"
#include "support/eventually.hpp"
#include "support/messages.hpp"
#include "support/observer.hpp"
#include "support/postgres_server.hpp"
#include "support/scratch_database.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace pglocks::test {
namespace {

class observer_test : public testing::Test {
protected:
    scratch_database database_{shared_server()};
    observer look_{database_.conninfo()};
    observer session_{database_.conninfo()};
};

TEST_F(observer_test, decodes_bigint_keys_of_either_sign) {
    for (const std::int64_t key : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{-662733300}, INT64_MIN,
                                   INT64_MAX, std::int64_t{0x1'2345'6789}}) {
        session_.exec("select pg_advisory_lock('" + std::to_string(key) + "'::bigint)");
        const auto held = look_.holders(key);
        ASSERT_EQ(held.size(), 1U) << key;
        EXPECT_EQ(look_.advisory_locks(), held);
        EXPECT_EQ(held[0].bigint_key(), key);
        EXPECT_EQ(held[0].pair_key(), std::nullopt);
        EXPECT_EQ(held[0].pid, session_.backend_pid());
        EXPECT_EQ(held[0].mode, lock_mode::exclusive);
        EXPECT_TRUE(held[0].granted);
        EXPECT_EQ(std::to_string(held[0].database),
                  look_.value("select oid from pg_database where datname = current_database()"));
        session_.exec("select pg_advisory_unlock_all()");
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
}

TEST_F(observer_test, shows_the_columns_of_a_negative_key_unsigned) {
    session_.exec("select pg_advisory_lock(-662733300)");
    const auto row = look_.holders(-662733300).at(0);
    EXPECT_EQ(row.classid, 0xffffffffU);
    EXPECT_EQ(row.objid, 0xd87f7e0cU);
    EXPECT_EQ(row.objsubid, 1);
}

TEST_F(observer_test, tells_pairs_from_bigint_keys) {
    session_.exec("select pg_advisory_lock_shared(0, -1)");
    ASSERT_EQ(look_.holders(0, -1).size(), 1U);
    EXPECT_EQ(look_.holders(0, -1)[0].mode, lock_mode::shared);
    EXPECT_EQ(look_.holders(0, -1)[0].pair_key(), (std::pair<std::int32_t, std::int32_t>(0, -1)));
    EXPECT_TRUE(look_.holders(0xffffffff).empty());
    EXPECT_TRUE(look_.holders(-1, 0).empty());
}

TEST_F(observer_test, tells_who_waits_from_who_holds) {
    session_.exec("select pg_advisory_lock(7)");
    child_process psql({"psql", "-XqAt", "-d", database_.conninfo()});
    psql.send_line("select pg_backend_pid();");
    const int waiter = std::stoi(psql.read_line());
    psql.send_line("select pg_advisory_lock_shared(7);\n\\echo held");
    ASSERT_TRUE(eventually([&] { return !look_.waiters(7).empty(); }));
    EXPECT_EQ(look_.waiters(7).size(), 1U);
    EXPECT_EQ(look_.waiters(7)[0].pid, waiter);
    EXPECT_EQ(look_.waiters(7)[0].mode, lock_mode::shared);
    EXPECT_EQ(look_.holders(7).at(0).pid, session_.backend_pid());
    session_.exec("select pg_advisory_unlock(7)");
    psql.expect_line("");
    psql.expect_line("held");
    EXPECT_TRUE(look_.waiters(7).empty());
    EXPECT_EQ(look_.holders(7).at(0).pid, waiter);
}

TEST_F(observer_test, sees_nothing_of_other_databases) {
    const scratch_database other(shared_server());
    observer(other.conninfo()).exec("select 1");
    observer elsewhere(other.conninfo());
    elsewhere.exec("select pg_advisory_lock(7)");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(observer_test, tells_the_sqlstate_and_refuses_what_is_not_one_value) {
    try {
        session_.exec("select 1/0");
        FAIL() << "no exception";
    } catch (const sql_error& error) {
        EXPECT_EQ(error.sqlstate(), "22012");
        EXPECT_TRUE(contains(error.what(), "division by zero")) << error.what();
    }
    for (const char* sql : {"select 1 where false", "select 1, 2", "values (1), (2)", "select null"})
        EXPECT_THROW(static_cast<void>(session_.value(sql)), std::logic_error) << sql;
}

TEST(observer, shows_the_lock_of_a_prepared_transaction_without_a_process) {
    const postgres_server server({{"max_prepared_transactions", "1"}});
    observer look(server.conninfo());
    look.exec("begin; select pg_advisory_xact_lock(1); prepare transaction 'p'");
    ASSERT_EQ(look.holders(1).size(), 1U);
    EXPECT_EQ(look.holders(1)[0].pid, std::nullopt);
}

} // namespace
} // namespace pglocks::test
