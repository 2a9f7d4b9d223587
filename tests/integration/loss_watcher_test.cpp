// SPDX-License-Identifier: BSL-1.0
// One thread tells of the loss of any number of locks, without touching their connections.
#include <pglocks/loss_watcher.hpp>

#include "integration/lock_test.hpp"
#include "support/postgres_server.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class watcher : public lock_test {
protected:
    void terminate(int backend) {
        look_.exec("select pg_terminate_backend(" + std::to_string(backend) + ")");
    }
    [[nodiscard]] static bool stopped(const loss_watch& watch) {
        return eventually([&] { return watch.token().stop_requested(); });
    }

    /// When the backend of a_ has last begun or ended a statement.
    [[nodiscard]] std::string last_statement() {
        return look_.value("select state_change from pg_stat_activity where pid = " +
                           std::to_string(backend_));
    }

    loss_watcher watcher_;
    int backend_ = pid(a_);
};

TEST_F(watcher, asks_to_stop_when_the_backend_has_ended) {
    const advisory_lock lock(a_, 1);
    const advisory_lock other(b_, 2);
    const auto watch = watcher_.watch(lock);
    const auto quiet = watcher_.watch(other);
    EXPECT_FALSE(watch.token().stop_requested());
    const wire_trace wire(a_);
    terminate(pid(a_));
    EXPECT_TRUE(stopped(watch));
    EXPECT_TRUE(lock.lost());
    EXPECT_TRUE(wire.messages().empty());
    EXPECT_FALSE(quiet.token().stop_requested());
}

TEST_F(watcher, lets_the_owner_use_the_connection_and_takes_nothing_else_for_a_loss) {
    advisory_lock lock(a_, 1);
    const auto watch = watcher_.watch(lock);
    query(a_, "listen something");
    query(b_, "notify something");
    query(a_, "do $$ begin raise notice 'hello'; end $$");
    EXPECT_EQ(query(a_, "select count(*) from generate_series(1, 100000)"), "100000");
    lock.unlock();
    lock.lock();
    EXPECT_FALSE(watch.token().stop_requested());
    terminate(pid(a_));
    EXPECT_TRUE(stopped(watch));
}

TEST_F(watcher, tells_while_rows_are_unread) {
    const advisory_lock lock(a_, 1);
    const auto watch = watcher_.watch(lock);
    PGconn* const conn = libpq(a_);
    ASSERT_EQ(PQsendQuery(conn, "select repeat('x', 1000) from generate_series(1, 1000)"), 1);
    terminate(pid(a_));
    EXPECT_TRUE(stopped(watch));
}

TEST_F(watcher, tells_of_the_end_on_this_side_too) {
    for (const auto& end : std::vector<std::function<void(soci::session&)>>{
             [](auto& s) { s.reconnect(); }, [](auto& s) { s.close(); },
             [](auto& s) { query(s, "discard all"); }, [](auto& s) { PQreset(libpq(s)); }}) {
        soci::session session = connect();
        const advisory_lock lock(session, 1);
        const auto watch = watcher_.watch(lock);
        end(session);
        EXPECT_TRUE(watch.token().stop_requested()) << "at once, in this thread";
        EXPECT_FALSE(lock.owns_lock());
        EXPECT_TRUE(nothing_left());
    }
}

TEST_F(watcher, does_not_mistake_another_connection_with_the_number_of_a_closed_socket) {
    std::optional<soci::session> session(std::in_place, soci::postgresql, conninfo());
    std::optional<advisory_lock> lock(std::in_place, *session, 1);
    const auto watch = watcher_.watch(*lock);
    lock.reset();
    session.reset();
    EXPECT_TRUE(watch.token().stop_requested());
    soci::session next = connect();
    const advisory_lock held(next, 1);
    const auto second = watcher_.watch(held);
    EXPECT_FALSE(second.token().stop_requested());
    terminate(pid(next));
    EXPECT_TRUE(stopped(second));
}

TEST_F(watcher, does_not_tell_when_the_watch_has_ended) {
    const advisory_lock lock(a_, 1);
    std::optional<loss_watch> watch(watcher_.watch(lock));
    const auto token = watch->token();
    const auto second = watcher_.watch(lock);
    watch.reset();
    terminate(pid(a_));
    EXPECT_TRUE(stopped(second));
    EXPECT_FALSE(token.stop_requested());
}

TEST_F(watcher, can_be_moved_from_and_outlived) {
    std::optional<loss_watcher> short_lived(std::in_place);
    const advisory_lock lock(a_, 1);
    loss_watch first = short_lived->watch(lock);
    loss_watch second = std::move(first);
    first = watcher_.watch(lock);
    short_lived.reset();
    terminate(pid(a_));
    EXPECT_TRUE(stopped(first));
}

TEST_F(watcher, may_be_left_by_a_callback) {
    const advisory_lock lock(a_, 1);
    std::optional<loss_watch> watch(watcher_.watch(lock));
    std::atomic<bool> called = false;
    const std::stop_callback callback(watch->token(), [&] {
        watch.reset();
        called = true;
    });
    terminate(pid(a_));
    EXPECT_TRUE(eventually([&] { return called.load(); }));
    EXPECT_FALSE(watch.has_value());
}

TEST_F(watcher, refuses_a_lock_that_is_not_owned) {
    advisory_lock lock(a_, 1, std::defer_lock);
    const auto refused_watch = [&] { const auto watch = watcher_.watch(lock); };
    EXPECT_EQ(error_of<std::system_error>(refused_watch).code(), std::errc::operation_not_permitted);
    const advisory_lock none;
    EXPECT_THROW(static_cast<void>(watcher_.watch(none)), std::system_error);
}

TEST_F(watcher, watches_locks_of_every_kind) {
    soci::connection_pool pool(1);
    pool.at(0).open(soci::postgresql, conninfo());
    const shared_advisory_lock pooled(pool, 1);
    transaction within(a_);
    const transaction_advisory_lock in_transaction(within, 2);
    const auto first = watcher_.watch(pooled);
    const auto second = watcher_.watch(in_transaction);
    terminate(pid(a_));
    EXPECT_TRUE(stopped(second));
    EXPECT_FALSE(first.token().stop_requested());
    terminate(pooled.backend_pid());
    EXPECT_TRUE(stopped(first));
    EXPECT_TRUE(eventually([&] { return pooled.lost(); }));
}

TEST_F(watcher, ends_a_wait_on_another_session) {
    const advisory_lock held(b_, 7);
    const advisory_lock lock(a_, 1);
    const auto watch = watcher_.watch(lock);
    soci::session third = connect();
    auto waiter = in_background([&, stop = watch.token()] {
        advisory_lock next(third, 7, std::defer_lock);
        return next.lock(stop);
    });
    ASSERT_TRUE(queued(7));
    terminate(pid(a_));
    EXPECT_FALSE(waiter.result());
}

TEST_F(watcher, has_one_thread_for_a_thousand_watches) {
    const auto threads = [] {
        const std::filesystem::directory_iterator tasks("/proc/self/task");
        return std::distance(begin(tasks), end(tasks));
    };
    const auto before = threads();
    std::list<soci::session> sessions;
    std::list<shared_advisory_lock> locks;
    std::vector<loss_watch> watches;
    constexpr int connections = 50;
    for (int i = 0; i < connections; ++i) {
        locks.emplace_back(sessions.emplace_back(soci::postgresql, conninfo()), 1);
    }
    while (watches.size() < 1000) {
        for (const auto& lock : locks) {
            watches.push_back(watcher_.watch(lock));
        }
    }
    EXPECT_EQ(threads(), before);
    terminate(pid(sessions.front()));
    EXPECT_TRUE(stopped(watches.front()));
    EXPECT_FALSE(watches.back().token().stop_requested());
    end_all_others(look_);
    for (const auto& watch : watches) {
        EXPECT_TRUE(stopped(watch));
    }
}

TEST_F(watcher, notices_by_a_heartbeat_a_backend_that_is_silent) {
    const postgres_server server; // of its own: on another machine no process can be stopped
    soci::session session(soci::postgresql, server.conninfo());
    const advisory_lock lock(session, 1);
    const int backend = pid(session);
    const auto plain = watcher_.watch(lock);
    {
        const auto watch = watcher_.watch(lock, heartbeat{.every = 10ms, .within = 2s});
        ASSERT_EQ(::kill(backend, SIGSTOP), 0);
        EXPECT_TRUE(stopped(watch));
    }
    ASSERT_EQ(::kill(backend, SIGCONT), 0);
    EXPECT_TRUE(stopped(plain)) << "the connection was shut down";
    EXPECT_TRUE(lock.lost());
}

TEST_F(watcher, gives_a_connection_back_after_a_heartbeat) {
    advisory_lock lock(a_, 1);
    for (const char* const state : {"idle", "in a transaction", "in a failed transaction"}) {
        if (state != std::string_view("idle")) {
            query(a_, "begin");
        }
        if (state == std::string_view("in a failed transaction")) {
            EXPECT_THROW(query(a_, "select 1 / 0"), sql_error);
        }
        for (int round = 0; round < 20; ++round) {
            const auto watch = watcher_.watch(lock, heartbeat{.every = 1ms, .within = 5s});
            const auto before = last_statement();
            EXPECT_TRUE(eventually([&] { return last_statement() != before; })) << state;
            EXPECT_FALSE(watch.token().stop_requested());
        }
        query(a_, "rollback");
        EXPECT_EQ(query(a_, "select 42"), "42") << state;
    }
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_TRUE(nothing_left());
}

} // namespace
} // namespace pglocks::test
