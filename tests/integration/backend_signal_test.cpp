// SPDX-License-Identifier: BSL-1.0
// Ending the session of a holder and cancelling the wait of a waiter: the right one, or none.
#include <pglocks/inspect.hpp>

#include "integration/lock_test.hpp"
#include "support/messages.hpp"
#include "support/postgres_server.hpp"

#include <chrono>
#include <string>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class backend_signals : public lock_test {
protected:
    soci::session sql_{connect()};
};

TEST_F(backend_signals, terminating_a_holder_frees_its_lock) {
    advisory_lock lock(a_, 1);
    const auto who = holders(sql_, 1).at(0);
    ASSERT_EQ(who.pid, pid(a_));
    const wire_trace wire(sql_);
    EXPECT_EQ(terminate_backend(sql_, who), signal_result::sent);
    EXPECT_EQ(wire.round_trips(), 1);
    EXPECT_TRUE(eventually([&] { return !is_locked(sql_, 1); }));
    EXPECT_TRUE(eventually([&] { return lock.lost(); }));
    EXPECT_EQ(query(b_, "select 1"), "1") << "nobody else was ended";
    EXPECT_EQ(terminate_backend(sql_, who), signal_result::session_ended);
    EXPECT_EQ(cancel_backend(sql_, who), signal_result::session_ended);
}

TEST_F(backend_signals, cancelling_a_waiter_ends_its_wait_and_nothing_else) {
    const advisory_lock lock(a_, 1);
    auto waits = in_background(
        [&] { return error_of<lock_error>([&] { const advisory_lock second(b_, 1); }).sqlstate(); });
    ASSERT_TRUE(queued(1));
    const auto who = waiters(sql_, 1).at(0);
    EXPECT_EQ(cancel_backend(sql_, who), signal_result::sent);
    EXPECT_EQ(waits.result(), "57014");
    EXPECT_EQ(query(b_, "select 1"), "1");
    EXPECT_TRUE(waiters(sql_, 1).empty());
    EXPECT_EQ(holders(sql_, 1).at(0).pid, pid(a_));
    EXPECT_EQ(cancel_backend(sql_, who), signal_result::lock_changed) << "it waits no more";
}

TEST_F(backend_signals, who_has_let_go_of_the_lock_is_left_alone) {
    advisory_lock lock(a_, {1, -1});
    const auto who = holders(sql_, {1, -1}).at(0);
    lock.unlock();
    const shared_advisory_lock in_another_mode(a_, {1, -1});
    EXPECT_EQ(terminate_backend(sql_, who), signal_result::lock_changed);
    EXPECT_EQ(query(a_, "select 1"), "1");
}

TEST_F(backend_signals, another_session_under_the_same_pid_is_left_alone) {
    const advisory_lock lock(a_, 1);
    auto who = holders(sql_, 1).at(0);
    ASSERT_TRUE(who.session_started);
    const auto started = *who.session_started;
    who.session_started = started - 1us;
    EXPECT_EQ(terminate_backend(sql_, who), signal_result::session_ended);
    EXPECT_EQ(terminate_backend(sql_, who.pid, started - 1us), signal_result::session_ended);
    EXPECT_EQ(cancel_backend(sql_, who.pid, started + 1us), signal_result::session_ended);
    EXPECT_EQ(query(a_, "select 1"), "1");
    EXPECT_EQ(cancel_backend(sql_, who.pid, started), signal_result::sent);
    EXPECT_EQ(terminate_backend(sql_, who.pid, started), signal_result::sent);
    EXPECT_TRUE(eventually([&] { return !is_locked(sql_, 1); }));
}

TEST_F(backend_signals, the_session_that_asks_does_not_end_itself) {
    const advisory_lock lock(sql_, 1);
    const auto who = holders(sql_, 1).at(0);
    EXPECT_TRUE(contains(error_of<refused>([&] { (void)terminate_backend(sql_, who); }).what(), "itself"));
    EXPECT_THROW((void)cancel_backend(sql_, who), refused);
    EXPECT_TRUE(is_locked(sql_, 1));
}

TEST_F(backend_signals, in_a_transaction_that_has_failed_are_refused) {
    const advisory_lock lock(a_, 1);
    const auto who = holders(sql_, 1).at(0);
    query(sql_, "begin");
    EXPECT_THROW(query(sql_, "select 1/0"), sql_error);
    EXPECT_EQ(error_of<refused>([&] { (void)terminate_backend(sql_, who); }).sqlstate(), "25P02");
    query(sql_, "rollback");
    EXPECT_TRUE(is_locked(sql_, 1));
}

/// A role that is not the holder's.
class signals_of_a_guest : public testing::Test {
protected:
    void SetUp() override {
        look_.exec("create role guest login");
        look_.exec("create role app login");
        app_.open(soci::postgresql, server_.conninfo() + " user=app");
        guest_.open(soci::postgresql, server_.conninfo() + " user=guest");
    }

    postgres_server server_;
    observer look_{server_.conninfo()};
    soci::session app_;
    soci::session guest_;
};

TEST_F(signals_of_a_guest, without_the_permission_are_an_error_of_their_own) {
    const advisory_lock lock(app_, 1);
    const auto who = holders(guest_, 1).at(0);
    const auto error = error_of<not_permitted>([&] { (void)terminate_backend(guest_, who); });
    EXPECT_EQ(error.sqlstate(), "42501");
    EXPECT_EQ(error.key(), lock_key(1));
    EXPECT_TRUE(contains(error.advice(), "pg_signal_backend"));
    EXPECT_THROW((void)cancel_backend(guest_, who), not_permitted);
    EXPECT_EQ(query(app_, "select 1"), "1");
    EXPECT_TRUE(is_locked(guest_, 1));
}

TEST_F(signals_of_a_guest, who_may_not_see_when_sessions_started_go_by_the_lock) {
    look_.exec("grant pg_signal_backend to guest");
    advisory_lock lock(app_, 1);
    const auto who = holders(guest_, 1).at(0);
    EXPECT_FALSE(who.session_started);
    const auto error =
        error_of<not_permitted>([&] { (void)terminate_backend(guest_, who.pid, who.seen_at); });
    EXPECT_TRUE(contains(error.advice(), "pg_read_all_stats"));
    lock.unlock();
    EXPECT_EQ(terminate_backend(guest_, who), signal_result::lock_changed);
    lock.lock();
    EXPECT_EQ(terminate_backend(guest_, who), signal_result::sent);
    EXPECT_TRUE(eventually([&] { return !is_locked(guest_, 1); }));
    EXPECT_EQ(terminate_backend(guest_, who), signal_result::session_ended);
}

TEST_F(signals_of_a_guest, never_reach_a_superusers_session) {
    look_.exec("grant pg_signal_backend, pg_read_all_stats to guest");
    soci::session superuser(soci::postgresql, server_.conninfo());
    const advisory_lock lock(superuser, 1);
    const auto who = holders(guest_, 1).at(0);
    EXPECT_TRUE(contains(error_of<not_permitted>([&] { (void)terminate_backend(guest_, who); }).advice(),
                         "superuser"));
    EXPECT_TRUE(is_locked(guest_, 1));
}

} // namespace
} // namespace pglocks::test
