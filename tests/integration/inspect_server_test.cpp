// SPDX-License-Identifier: BSL-1.0
// Inspection on servers that are special: other roles, prepared transactions, a standby, a pooler, a full
// lock table.
#include <pglocks/inspect.hpp>

#include "integration/lock_test.hpp"
#include "support/messages.hpp"
#include "support/pgbouncer.hpp"
#include "support/postgres_server.hpp"
#include "support/standby_server.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

TEST(inspection_by_another_role, leaves_out_what_the_server_hides) {
    const postgres_server server;
    observer look(server.conninfo());
    look.exec("create role guest login");
    soci::session owner(soci::postgresql, server.conninfo() + " application_name=owner");
    soci::session waiter(soci::postgresql, server.conninfo());
    soci::session guest(soci::postgresql, server.conninfo() + " user=guest");
    const int holder = pid(owner);
    std::optional<advisory_lock> lock(std::in_place, owner, 1);
    background waits(server.conninfo(), [&] { const advisory_lock second(waiter, 1); });
    ASSERT_TRUE(eventually([&] {
        const auto queue = waiters(guest, 1);
        return queue.size() == 1 && queue[0].waiting_since;
    }));
    const auto all = inspect(guest);
    ASSERT_EQ(all.size(), 2U);
    const lock_info& seen = all[0];
    EXPECT_EQ(seen.pid, holder);
    EXPECT_EQ(seen.user, "postgres");
    EXPECT_EQ(seen.application, "owner");
    EXPECT_FALSE(seen.client_address);
    EXPECT_FALSE(seen.client_port);
    EXPECT_FALSE(seen.state);
    EXPECT_FALSE(seen.query);
    EXPECT_FALSE(seen.session_started);
    EXPECT_FALSE(seen.session_age());
    EXPECT_FALSE(seen.transaction_started);
    EXPECT_EQ(describe(seen),
              "exclusive, held by pid " + std::to_string(holder) + " (user postgres, application \"owner\")");
    EXPECT_EQ(all[1].blocked_by, std::vector{holder});
    EXPECT_TRUE(is_locked(guest, 1));
    look.exec("grant pg_read_all_stats to guest");
    const auto more = holders(guest, 1);
    ASSERT_EQ(more.size(), 1U);
    EXPECT_EQ(more[0].state, "idle");
    EXPECT_EQ(more[0].client_address, "") << "a Unix socket";
    EXPECT_TRUE(more[0].session_started);
    lock.reset();
    waits.result();
}

TEST(inspection_by_another_role, that_may_not_call_the_functions_says_what_is_missing) {
    const postgres_server server;
    observer look(server.conninfo());
    look.exec("create role guest login");
    look.exec("revoke execute on function pg_lock_status() from public");
    soci::session guest(soci::postgresql, server.conninfo() + " user=guest");
    const auto error = error_of<not_permitted>([&] { static_cast<void>(inspect(guest)); });
    EXPECT_EQ(error.sqlstate(), "42501");
    EXPECT_TRUE(contains(error.message(), "pg_lock_status"));
    EXPECT_TRUE(contains(error.advice(), "EXECUTE"));
}

TEST(inspection_of_prepared_transactions, names_them_also_after_a_restart) {
    postgres_server server{{"max_prepared_transactions", "2"}};
    {
        soci::session session(soci::postgresql, server.conninfo());
        query(session, "begin; select pg_advisory_xact_lock(7), pg_advisory_xact_lock_shared(-1, -1)");
        query(session, "prepare transaction 'it''s due'");
        query(session, "begin; select pg_advisory_xact_lock(8)");
        query(session, "prepare transaction 'other'");
    }
    for (const bool restarted : {false, true}) {
        if (restarted) {
            server.restart();
        }
        soci::session session(soci::postgresql, server.conninfo());
        soci::session waiting(soci::postgresql, server.conninfo());
        const auto all = inspect(session);
        ASSERT_EQ(all.size(), 3U);
        for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
            EXPECT_EQ(all[i].pid, 0);
            EXPECT_TRUE(all[i].granted);
            EXPECT_EQ(all[i].prepared_transaction, "it's due");
            EXPECT_EQ(all[i].user, "postgres");
            EXPECT_GE(all[i].transaction_age(), 0us);
            EXPECT_FALSE(all[i].session_started);
        }
        EXPECT_EQ(all[1].key, lock_key(8));
        EXPECT_EQ(all[1].prepared_transaction, "other");
        EXPECT_TRUE(contains(describe(all[0]), "the prepared transaction 'it's due'"));
        background waits(server.conninfo(), [&] {
            return error_of<lock_error>([&] { const advisory_lock lock(waiting, 7); }).sqlstate();
        });
        ASSERT_TRUE(eventually([&] { return waiters(session, 7).size() == 1; }));
        const lock_info waiter = waiters(session, 7).at(0);
        EXPECT_EQ(waiter.blocked_by, std::vector{0});
        EXPECT_EQ(cancel_backend(session, waiter), signal_result::sent);
        EXPECT_EQ(waits.result(), "57014");
        const auto error = error_of<refused>([&] { (void)terminate_backend(session, all[0]); });
        EXPECT_TRUE(contains(error.advice(), "ROLLBACK PREPARED 'it''s due'")) << error.what();
    }
}

TEST(inspection_of_a_standby, shows_the_standbys_own_locks) {
    const postgres_server primary;
    const standby_server standby(primary);
    soci::session session(soci::postgresql, standby.conninfo());
    soci::session other(soci::postgresql, standby.conninfo());
    soci::session on_primary(soci::postgresql, primary.conninfo());
    query(session, "select pg_advisory_lock(1)");
    const auto all = inspect(other);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].pid, pid(session));
    EXPECT_TRUE(is_locked(other, 1));
    EXPECT_TRUE(inspect(on_primary).empty());
}

TEST(inspection_through_a_pooler, works_in_transaction_mode) {
    const postgres_server server;
    const pgbouncer pooler(server, pool_mode::transaction);
    soci::session direct(soci::postgresql, server.conninfo());
    soci::session pooled(soci::postgresql, pooler.conninfo());
    const advisory_lock lock(direct, 1);
    EXPECT_EQ(inspect(pooled).at(0).pid, pid(direct));
    EXPECT_TRUE(is_locked(pooled, 1));
    EXPECT_FALSE(is_locked(pooled, 2));
}

TEST(inspection_of_a_full_lock_table, still_answers) {
    const postgres_server server{{"max_locks_per_transaction", "10"},
                                 {"max_connections", "5"},
                                 {"max_wal_senders", "0"},
                                 {"autovacuum", "off"},
                                 {"max_worker_processes", "0"}};
    soci::session session(soci::postgresql, server.conninfo());
    soci::session other(soci::postgresql, server.conninfo());
    std::vector<advisory_lock> taken;
    EXPECT_THROW(
        {
            for (int key = 0; key < 100000; ++key) {
                taken.emplace_back(session, key);
            }
        },
        lock_table_full);
    EXPECT_THROW(query(other, "select count(*) from pg_locks l left join pg_stat_activity using (pid)"),
                 sql_error)
        << "the views have no room";
    EXPECT_EQ(inspect(other).size(), taken.size());
    EXPECT_TRUE(is_locked(other, 0));
}

} // namespace
} // namespace pglocks::test
