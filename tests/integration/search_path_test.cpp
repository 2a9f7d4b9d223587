// SPDX-License-Identifier: BSL-1.0
// A hostile search_path: functions, operators and types of the same names come first, and nothing of ours
// uses them.
#include <pglocks/inspect.hpp>

#include "integration/lock_test.hpp"
#include "support/scratch_database.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class hostile_search_path : public testing::Test {
protected:
    void SetUp() override {
        std::string evil = "create schema evil; create table evil.captured (what text);";
        const auto replace = [&](const std::string& signature, const std::string& returns,
                                 const std::string& body) {
            evil += "create function evil." + signature + " returns " + returns +
                    " language plpgsql as $$ begin " + "insert into evil.captured values ('" + signature +
                    "'); " + body + " end $$;";
        };
        for (const std::string shared : {"", "_shared"}) {
            for (const std::string key : {"(bigint)", "(integer, integer)"}) {
                for (const std::string level : {"", "_xact"}) {
                    replace("pg" + std::string("_advisory") + level + "_lock" + shared + key, "void", "");
                    replace("pg_try_advisory" + level + "_lock" + shared + key, "boolean", "return true;");
                }
                replace("pg_advisory_unlock" + shared + key, "boolean", "return true;");
            }
        }
        replace("set_config(text, text, boolean)", "text", "return $2;");
        replace("current_setting(text)", "text", "return '0';");
        replace("pg_backend_pid()", "integer", "return 1;");
        replace("pg_is_in_recovery()", "boolean", "return true;");
        replace("version()", "text", "return 'CockroachDB';");
        replace("concat(variadic text[])", "text", "return '';");
        replace("string_agg(text, text)", "text", "return '';");
        replace("current_database()", "name", "return 'evil';");
        replace("pg_stat_clear_snapshot()", "void", "");
        replace("pg_lock_status()", "setof pg_catalog.pg_locks", "return;");
        replace("pg_stat_get_activity(integer)", "setof pg_catalog.pg_stat_activity", "return;");
        replace("pg_prepared_xact()", "setof pg_catalog.pg_prepared_xacts", "return;");
        replace("pg_blocking_pids(integer)", "integer[]", "return null;");
        replace("pg_get_userbyid(oid)", "name", "return 'evil';");
        replace("host(inet)", "text", "return 'evil';");
        replace("array_to_string(anyarray, text)", "text", "return '';");
        replace("date_part(text, timestamptz)", "double precision", "return 0;");
        replace("clock_timestamp()", "timestamptz", "return null;");
        replace("pg_terminate_backend(integer)", "boolean", "return true;");
        replace("pg_cancel_backend(integer)", "boolean", "return true;");
        replace("product(double precision, double precision)", "double precision", "return 0;");
        evil += "create operator evil.* (leftarg = double precision, rightarg = double precision, function = "
                "evil.product);";
        for (const std::string type : {"oid", "text", "name", "integer", "bigint", "boolean", "xid"}) {
            replace("equals(" + type + ", " + type + ")", "boolean", "return false;");
            evil += "create operator evil.= (leftarg = " + type + ", rightarg = " + type +
                    ", function = evil.equals);";
        }
        for (const std::string view : {"pg_locks", "pg_database", "pg_proc"}) {
            evil += "create view evil." + view + " as select * from pg_catalog." + view + " where false;";
        }
        for (const std::string type : {"int8", "int4", "bool", "text", "oid", "name"}) {
            evil += "create domain evil." + type + " as pg_catalog.text check (false);";
        }
        look_.exec(evil);
        for (auto* session : {&a_, &b_}) {
            session->open(soci::postgresql, database_.conninfo());
            query(*session, "set search_path = evil, pg_catalog");
        }
        ASSERT_EQ(query(a_, "select version()"), "CockroachDB") << "the trap is set";
        ASSERT_EQ(query(a_, "select 1::bigint operator(evil.=) 1::bigint"), "f");
        look_.exec("truncate evil.captured");
    }

    void TearDown() override {
        EXPECT_EQ(look_.value("select count(*) from evil.captured"), "0")
            << look_.value("select string_agg(distinct what, ', ') from evil.captured");
        EXPECT_TRUE(failures_.take().empty());
    }

    /// The backend that holds a key, 0 if there is none.
    [[nodiscard]] int owner(lock_key key) {
        const auto rows =
            key.is_pair() ? look_.holders(key.first(), key.second()) : look_.holders(key.bits());
        return rows.size() == 1 ? rows[0].pid.value_or(0) : 0;
    }
    [[nodiscard]] bool queued(lock_key key) {
        return eventually([&] {
            return !(key.is_pair() ? look_.waiters(key.first(), key.second()) : look_.waiters(key.bits()))
                        .empty();
        });
    }

    /// Takes a lock that has to wait, by each kind of wait, and releases it.
    template <class Mode>
    void takes_it_after_a_wait(lock_key key) {
        const std::stop_source source;
        const auto waits = [&](auto wait) {
            std::optional<advisory_lock> holder(std::in_place, a_, key);
            EXPECT_EQ(owner(key), pid(a_));
            const auto waiter = pid(b_);
            background held(database_.conninfo(), [&] { return wait(); });
            ASSERT_TRUE(queued(key));
            holder.reset();
            EXPECT_EQ(held.result(), waiter);
            EXPECT_TRUE(look_.advisory_locks().empty());
        };
        waits([&] {
            const basic_advisory_lock<Mode> lock(b_, key);
            return owner(key);
        });
        waits([&] {
            const basic_advisory_lock<Mode> lock(b_, key, source.get_token());
            return owner(key);
        });
        waits([&] {
            const basic_advisory_lock<Mode, wait::timeout> lock(b_, key, 1h);
            return owner(key);
        });
        waits([&] {
            pglocks::transaction tx(b_);
            int at = 0;
            {
                const basic_advisory_lock<Mode, wait::timeout> lock(b_, key, 1h);
                at = owner(key);
            }
            tx.commit();
            return at;
        });
        waits([&] {
            pglocks::transaction tx(b_);
            const basic_advisory_lock<Mode, wait::timeout, scope::transaction> lock(tx, key, 1h);
            const int at = owner(key);
            tx.commit();
            return at;
        });
        waits([&] {
            pglocks::transaction tx(b_);
            const basic_advisory_lock<Mode, scope::transaction> lock(tx, key);
            const int at = owner(key);
            tx.commit();
            return at;
        });
    }

    scratch_database database_{shared_server()};
    captured_release_failures failures_;
    observer look_{database_.conninfo()};
    soci::session a_;
    soci::session b_;
};

TEST_F(hostile_search_path, free_locks_are_really_taken_and_released) {
    for (const lock_key key : {lock_key(1), lock_key(2, -3)}) {
        {
            const advisory_lock lock(a_, key);
            EXPECT_EQ(owner(key), pid(a_));
            EXPECT_FALSE(try_shared_advisory_lock(b_, key).owns_lock());
            EXPECT_FALSE(timed_advisory_lock(b_, key, 5ms).owns_lock());
        }
        EXPECT_TRUE(look_.advisory_locks().empty());
        {
            pglocks::transaction tx(a_);
            const shared_transaction_advisory_lock lock(tx, key);
            EXPECT_EQ(owner(key), pid(a_));
            tx.commit();
        }
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
}

TEST_F(hostile_search_path, locks_that_wait_are_really_taken_and_released) {
    takes_it_after_a_wait<mode::exclusive>(1);
    takes_it_after_a_wait<mode::shared>({2, -3});
}

TEST_F(hostile_search_path, sets_of_locks_are_really_taken_and_released) {
    const std::vector<lock_key> keys{1, {2, -3}};
    const auto all_are_of = [&](int backend) {
        return owner(keys[0]) == backend && owner(keys[1]) == backend;
    };
    const auto takes_all = [&](const auto& locks) { return locks.owns_lock() && all_are_of(pid(a_)); };
    EXPECT_TRUE(takes_all(advisory_lock_set<>(a_, keys)));
    EXPECT_TRUE(takes_all(advisory_lock_set<mode::shared, wait::none>(a_, keys)));
    EXPECT_TRUE(takes_all(advisory_lock_set<wait::timeout>(a_, keys, 1h)));
    {
        pglocks::transaction tx(a_);
        EXPECT_TRUE(takes_all(advisory_lock_set<scope::transaction>(tx, keys)));
        EXPECT_TRUE(takes_all(advisory_lock_set<scope::transaction, wait::none>(tx, keys)));
        EXPECT_TRUE(takes_all(advisory_lock_set<scope::transaction, wait::timeout>(tx, keys, 1h)));
        tx.commit();
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    for (const lock_key key : keys) {
        const advisory_lock other(b_, key);
        EXPECT_FALSE((advisory_lock_set<wait::none>(a_, keys).owns_lock()));
        EXPECT_FALSE((advisory_lock_set<wait::timeout>(a_, keys, 5ms).owns_lock()));
        EXPECT_EQ(look_.advisory_locks().size(), 1U);
    }
}

TEST_F(hostile_search_path, what_an_error_may_have_left_behind_is_really_released) {
    for (const lock_key key : {lock_key(1), lock_key(2, -3)}) {
        query(a_, "begin; savepoint s");
        std::optional<advisory_lock> holder(std::in_place, b_, key);
        const auto waiter = std::to_string(pid(a_));
        background cancelled(database_.conninfo(), [&] {
            return error_of<lock_error>([&] { const advisory_lock lock(a_, key); }).sqlstate();
        });
        ASSERT_TRUE(queued(key));
        look_.exec("select pg_cancel_backend(" + waiter + ")");
        EXPECT_EQ(cancelled.result(), "57014");
        holder.reset();
        query(a_, "rollback to s");
        // As if the server had granted the lock and reported the cancel nevertheless, twice.
        const auto grant = "select pg_catalog.pg_advisory_lock(" + to_sql(key) + ")";
        query(a_, grant);
        query(a_, grant);
        EXPECT_EQ(owner(key), pid(a_));
        query(a_, "commit");
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
}

TEST_F(hostile_search_path, inspection_tells_the_truth_and_signals_are_really_sent) {
    for (const lock_key key : {lock_key(-1), lock_key(2, -3)}) {
        soci::session holder(soci::postgresql, database_.conninfo() + " application_name=holder");
        const advisory_lock held(holder, key);
        const int waiter = pid(b_);
        background waits(database_.conninfo(), [&] {
            return error_of<lock_error>([&] { const advisory_lock lock(b_, key); }).sqlstate();
        });
        ASSERT_TRUE(queued(key));
        const auto all = inspect(a_, key);
        ASSERT_EQ(all.size(), 2U);
        EXPECT_EQ(all[0].pid, pid(holder));
        EXPECT_EQ(all[0].application, "holder");
        EXPECT_NE(all[0].user, "evil");
        EXPECT_GT(all[0].session_started, lock_info::time_point());
        EXPECT_GT(all[0].seen_at, lock_info::time_point());
        EXPECT_EQ(all[1].pid, waiter);
        EXPECT_EQ(all[1].blocked_by, std::vector{pid(holder)});
        EXPECT_EQ(inspect(a_).size(), 2U);
        EXPECT_EQ(holders(a_, key).at(0).pid, pid(holder));
        EXPECT_EQ(waiters(a_, key).at(0).pid, waiter);
        EXPECT_TRUE(is_locked(a_, key));
        EXPECT_EQ(cancel_backend(a_, all[1]), signal_result::sent);
        EXPECT_EQ(waits.result(), "57014");
        EXPECT_EQ(terminate_backend(a_, all[0]), signal_result::sent);
        EXPECT_TRUE(eventually([&] { return !is_locked(a_, key); }));
    }
}

TEST_F(hostile_search_path, the_calls_by_query_are_really_made) {
    PGconn* const conn = libpq(a_);
    for (const lock_key key : {lock_key(1), lock_key(2, -3)}) {
        const auto lock =
            postgres::plain_call(postgres::function_index(postgres::operation::try_lock, {}, key.space()));
        const auto unlock =
            postgres::plain_call(postgres::function_index(postgres::operation::unlock, {}, key.space()));
        EXPECT_TRUE(postgres::call_by_query(conn, lock.c_str(), key).yes);
        EXPECT_EQ(owner(key), pid(a_));
        EXPECT_TRUE(postgres::call_by_query(conn, unlock.c_str(), key).yes);
        EXPECT_EQ(owner(key), 0);
        EXPECT_TRUE(postgres::call_by_query(conn, postgres::guarded(lock.view(), "").c_str(), key).yes);
        EXPECT_EQ(owner(key), pid(a_));
        EXPECT_TRUE(postgres::call_by_query(conn, postgres::guarded(unlock.view(), "").c_str(), key).yes);
        EXPECT_EQ(owner(key), 0);
    }
}

} // namespace
} // namespace pglocks::test
