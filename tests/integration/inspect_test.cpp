// SPDX-License-Identifier: BSL-1.0
// Who holds which advisory lock and who waits for it, as typed values.
#include <pglocks/inspect.hpp>

#include "integration/lock_test.hpp"
#include "support/messages.hpp"
#include "support/scratch_database.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using pglocks::inspect;

[[nodiscard]] std::vector<lock_key> keys_of(const std::vector<lock_info>& infos) {
    std::vector<lock_key> keys;
    for (const auto& info : infos) {
        keys.push_back(info.key);
    }
    return keys;
}

[[nodiscard]] std::vector<int> pids_of(const std::vector<lock_info>& infos) {
    std::vector<int> all;
    for (const auto& info : infos) {
        all.push_back(info.pid);
    }
    return all;
}

class inspection : public lock_test {
protected:
    /// The server's clock, as microseconds since 1970.
    [[nodiscard]] lock_info::time_point server_time(const std::string& what = "clock_timestamp()") {
        return lock_info::time_point(std::chrono::microseconds(
            std::stoll(look_.value("select (extract(epoch from " + what + ") * 1000000)::bigint"))));
    }

    soci::session sql_{connect()};
};

TEST_F(inspection, shows_nothing_where_nothing_is_locked) {
    EXPECT_TRUE(inspect(sql_).empty());
    EXPECT_TRUE(holders(sql_, 1).empty());
    EXPECT_TRUE(waiters(sql_, 1).empty());
    EXPECT_FALSE(is_locked(sql_, 1));
}

TEST_F(inspection, decodes_the_keys_of_both_spaces_in_their_order) {
    using bigint = std::numeric_limits<std::int64_t>;
    using integer = std::numeric_limits<std::int32_t>;
    const std::vector<lock_key> keys{bigint::min(),
                                     -1,
                                     0,
                                     4'294'967'295,
                                     bigint::max(),
                                     {integer::min(), integer::max()},
                                     {-1, -2},
                                     {0, 0},
                                     {1, -1},
                                     {integer::max(), integer::min()}};
    ASSERT_TRUE(std::is_sorted(keys.begin(), keys.end()));
    const advisory_lock_set<> all(a_, keys);
    EXPECT_EQ(keys_of(inspect(sql_)), keys);
    for (const lock_key key : keys) {
        EXPECT_EQ(keys_of(holders(sql_, key)), std::vector{key});
        EXPECT_EQ(keys_of(inspect(sql_, key)), std::vector{key});
        EXPECT_TRUE(waiters(sql_, key).empty());
        EXPECT_TRUE(is_locked(sql_, key));
    }
    EXPECT_FALSE(is_locked(sql_, {0, 1}));
    EXPECT_FALSE(is_locked(sql_, {0, -1})) << "the halves of a bigint that is locked";
}

TEST_F(inspection, shows_who_holds_who_waits_in_which_order_and_for_whom) {
    soci::session c = connect();
    soci::session d = connect();
    const std::vector<int> readers = pids(a_, b_);
    const int writer = pid(c);
    const int late_reader = pid(d);
    std::optional<shared_advisory_lock> first(std::in_place, a_, 1);
    std::optional<shared_advisory_lock> second(std::in_place, b_, 1);
    const auto before = server_time();
    auto writes = in_background([&] { const advisory_lock lock(c, 1); });
    ASSERT_TRUE(eventually([&] { return queue(1).size() == 1; }));
    auto reads = in_background([&] { const shared_advisory_lock lock(d, 1); });
    ASSERT_TRUE(eventually([&] { return queue(1).size() == 2; }));
    ASSERT_TRUE(eventually([&] {
        const auto waiting = waiters(sql_, 1);
        return waiting.size() == 2 && waiting[0].waiting_since && waiting[1].waiting_since;
    }));
    const auto all = inspect(sql_);
    ASSERT_EQ(all.size(), 4U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_TRUE(all[i].granted);
        EXPECT_EQ(all[i].mode, pglocks::lock_mode::shared);
        EXPECT_EQ(all[i].pid, readers[i]);
        EXPECT_TRUE(all[i].blocked_by.empty());
        EXPECT_FALSE(all[i].waiting_since);
        EXPECT_FALSE(all[i].waiting_for());
    }
    EXPECT_FALSE(all[2].granted);
    EXPECT_EQ(all[2].mode, pglocks::lock_mode::exclusive);
    EXPECT_EQ(all[2].pid, writer);
    EXPECT_EQ(all[2].blocked_by, readers);
    EXPECT_FALSE(all[3].granted);
    EXPECT_EQ(all[3].mode, pglocks::lock_mode::shared);
    EXPECT_EQ(all[3].pid, late_reader);
    EXPECT_EQ(all[3].blocked_by, std::vector{writer}) << "it queues behind the writer";
    EXPECT_GE(all[2].waiting_since, before);
    EXPECT_GE(all[3].waiting_since, all[2].waiting_since);
    EXPECT_LE(all[3].waiting_since, all[3].seen_at);
    EXPECT_LE(all[3].seen_at, server_time());
    EXPECT_GE(all[2].waiting_for(), all[3].waiting_for());
    EXPECT_LT(all[2].waiting_for(), 1h);
    EXPECT_TRUE(contains(describe(all[2]), "blocked by " + std::to_string(readers[0]) + " and "));
    EXPECT_EQ(pids_of(holders(sql_, 1)), readers);
    EXPECT_EQ(pids_of(waiters(sql_, 1)), (std::vector{writer, late_reader}));
    first.reset();
    second.reset();
    writes.result();
    reads.result();
}

TEST_F(inspection, says_whose_session_it_is_what_it_does_and_since_when) {
    soci::session named(soci::postgresql, conninfo() + " application_name=nightly");
    const advisory_lock lock(named, 1);
    query(named, "select 'last statement'");
    const auto one = [&] {
        const auto all = inspect(sql_);
        EXPECT_EQ(all.size(), 1U);
        return all.at(0);
    };
    const auto activity = [&](const std::string& column) {
        return look_.value("select " + column +
                           " from pg_stat_activity where pid = " + std::to_string(pid(named)));
    };
    const lock_info idle = one();
    EXPECT_EQ(idle.pid, pid(named));
    EXPECT_EQ(idle.application, "nightly");
    EXPECT_EQ(idle.user, query(named, "select current_user"));
    query(named, "select 'last statement'");
    EXPECT_EQ(idle.client_address, activity("coalesce(host(client_addr), '')"));
    EXPECT_EQ(idle.client_port.value_or(-1), std::stoi(activity("client_port")));
    EXPECT_EQ(idle.state, "idle");
    EXPECT_EQ(idle.query, "select 'last statement'");
    EXPECT_EQ(idle.session_started, server_time("(select backend_start from pg_stat_activity where pid = " +
                                                std::to_string(pid(named)) + ")"));
    EXPECT_GE(idle.session_age(), 0us);
    EXPECT_LT(idle.session_age(), 1h);
    EXPECT_FALSE(idle.transaction_started);
    EXPECT_TRUE(idle.state_age());
    query(named, "begin");
    const lock_info in_transaction = one();
    EXPECT_EQ(in_transaction.state, "idle in transaction");
    EXPECT_GE(in_transaction.transaction_started, idle.session_started);
    EXPECT_LE(in_transaction.transaction_age(), in_transaction.session_age());
    const std::string text = describe(in_transaction);
    for (const std::string& part :
         {"exclusive, held by pid " + std::to_string(pid(named)), "user " + idle.user,
          std::string("application \"nightly\""), std::string("idle in transaction for ")}) {
        EXPECT_TRUE(contains(text, part));
    }
    query(named, "rollback");
}

TEST_F(inspection, shows_its_own_session_too_and_both_scopes_alike) {
    {
        pglocks::transaction tx(sql_);
        const transaction_advisory_lock in_transaction(tx, 1);
        const advisory_lock in_session(sql_, {2, 3});
        EXPECT_EQ(keys_of(inspect(sql_)), (std::vector<lock_key>{1, {2, 3}}));
        EXPECT_EQ(holders(sql_, 1).at(0).pid, pid(sql_));
        EXPECT_TRUE(is_locked(sql_, 1));
        tx.commit();
    }
    EXPECT_TRUE(inspect(sql_).empty());
}

TEST_F(inspection, does_not_show_the_locks_of_another_database) {
    const scratch_database other(shared_server());
    soci::session there(soci::postgresql, other.conninfo());
    const advisory_lock lock(there, 1);
    EXPECT_TRUE(inspect(sql_).empty());
    EXPECT_FALSE(is_locked(sql_, 1));
    EXPECT_EQ(inspect(there).size(), 1U);
}

TEST_F(inspection, goes_by_names_of_any_hash_of_a_lock_type_and_of_a_set) {
    using invoice_lock = basic_advisory_lock<interop::django_pglocks>;
    using set = name_set<interop::django_pglocks, "invoice">;
    const invoice_lock lock(a_, "invoice");
    const std::string name = "invoice";
    EXPECT_EQ(holders<interop::django_pglocks>(sql_, name).size(), 1U);
    EXPECT_EQ(holders<invoice_lock>(sql_, "invoice").size(), 1U);
    EXPECT_EQ(inspect<set>(sql_, "invoice"_lock).size(), 1U);
    EXPECT_TRUE(waiters<invoice_lock>(sql_, "invoice").empty());
    EXPECT_TRUE(is_locked<invoice_lock>(sql_, "invoice"));
    EXPECT_FALSE(is_locked(sql_, "invoice")) << "another key, that of the default hash";
    const advisory_lock by_default(a_, "invoice");
    EXPECT_TRUE(is_locked(sql_, "invoice"));
    const name_registry names = name_registry().add_set<set>().add<>("invoice");
    for (const auto& info : inspect(sql_)) {
        EXPECT_EQ(names.label(info.key), "\"invoice\"");
    }
}

TEST_F(inspection, inside_a_transaction_sees_what_began_after_the_last_look) {
    const advisory_lock early(a_, 1);
    for (const std::string begin : {"begin", "begin isolation level repeatable read, read only"}) {
        query(sql_, begin);
        EXPECT_EQ(inspect(sql_).size(), 1U);
        {
            soci::session late(soci::postgresql, conninfo() + " application_name=late");
            const advisory_lock lock(late, 2);
            const auto all = inspect(sql_);
            ASSERT_EQ(all.size(), 2U);
            EXPECT_EQ(all[1].application, "late");
            EXPECT_EQ(all[1].state, "idle");
        }
        EXPECT_EQ(query(sql_, "select 1"), "1");
        query(sql_, "rollback");
        ASSERT_TRUE(eventually([&] { return !is_locked(sql_, 2); }));
    }
}

TEST_F(inspection, costs_one_round_trip_and_leaves_no_lock_behind) {
    const advisory_lock lock(a_, 1);
    static_cast<void>(inspect(sql_)); // what the backend looks up once
    query(sql_, "begin");
    for (int i = 0; i < 4; ++i) {
        const wire_trace wire(sql_);
        switch (i) {
        case 0:
            EXPECT_EQ(inspect(sql_).size(), 1U);
            break;
        case 1:
            EXPECT_EQ(holders(sql_, 1).size(), 1U);
            break;
        case 2:
            EXPECT_EQ(waiters(sql_, 1).size(), 0U);
            break;
        default:
            EXPECT_TRUE(is_locked(sql_, 1));
        }
        EXPECT_EQ(wire.round_trips(), 1);
    }
    EXPECT_EQ(look_.value("select count(*) from pg_locks where locktype <> 'virtualxid' and pid = " +
                          std::to_string(pid(sql_))),
              "0");
    query(sql_, "rollback");
}

TEST_F(inspection, asks_servers_before_postgresql_14_for_all_but_the_start_of_the_wait) {
    const advisory_lock lock(a_, {7, -7});
    const std::array<std::optional<std::string>, 3> everything{};
    const auto rows = postgres::ask(sql_, postgres::lock_query::all(false), everything, {});
    ASSERT_EQ(PQntuples(rows.get()), 1);
    const auto info = postgres::lock_row(rows.get(), 0).read();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->key, lock_key(7, -7));
    EXPECT_EQ(info->pid, pid(a_));
    EXPECT_EQ(info->state, "idle");
    EXPECT_TRUE(info->session_started);
    EXPECT_FALSE(info->waiting_since);
}

TEST_F(inspection, in_a_transaction_that_has_failed_says_to_ask_on_another_session) {
    query(sql_, "begin");
    EXPECT_THROW(query(sql_, "select 1/0"), sql_error);
    const wire_trace wire(sql_);
    const auto error = error_of<refused>([&] { static_cast<void>(inspect(sql_)); });
    EXPECT_EQ(error.sqlstate(), "25P02");
    EXPECT_TRUE(contains(error.advice(), "another session"));
    EXPECT_EQ(error_of<refused>([&] { static_cast<void>(is_locked(sql_, 7)); }).key(), lock_key(7));
    EXPECT_TRUE(wire.sent_nothing());
    query(sql_, "rollback");
    EXPECT_TRUE(inspect(sql_).empty());
}

TEST_F(inspection, of_a_closed_busy_or_lost_session_is_refused_or_says_so) {
    soci::session closed;
    EXPECT_THROW(static_cast<void>(inspect(closed)), refused);
    ASSERT_EQ(PQsendQuery(libpq(sql_), "select 1"), 1);
    EXPECT_TRUE(contains(error_of<refused>([&] { static_cast<void>(inspect(sql_)); }).what(), "busy"));
    while (const postgres::result rest{PQgetResult(libpq(sql_))}) {
        EXPECT_EQ(PQresultStatus(rest.get()), PGRES_TUPLES_OK) << "no row of the user's is lost";
    }
    look_.exec("select pg_terminate_backend(" + std::to_string(pid(sql_)) + ")");
    EXPECT_THROW(static_cast<void>(inspect(sql_)), connection_lost);
    EXPECT_THROW(static_cast<void>(is_locked(sql_, 1)), connection_lost);
}

} // namespace
} // namespace pglocks::test
