// SPDX-License-Identifier: BSL-1.0
// The server ends while locks are held, waited for, or still to be released: restarted in an orderly way, at
// once, or killed. The locks know, nobody's destructor throws, and after a reconnect everything works.
#include "integration/lock_test.hpp"
#include "support/postgres_server.hpp"

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

enum class end_of_server { fast, immediate, crash };

std::string name_of(const testing::TestParamInfo<end_of_server>& info) {
    switch (info.param) {
    case end_of_server::fast:
        return "fast_shutdown";
    case end_of_server::immediate:
        return "immediate_shutdown";
    case end_of_server::crash:
        return "crash";
    }
    return "unknown";
}

class server_end : public testing::TestWithParam<end_of_server> {
protected:
    static void SetUpTestSuite() { server = std::make_unique<postgres_server>(); }
    static void TearDownTestSuite() { server.reset(); }

    void TearDown() override {
        for (const auto& message : failures_.take()) {
            ADD_FAILURE() << "a release failed: " << message;
        }
    }

    [[nodiscard]] static std::string conninfo() { return server->conninfo(); }

    static void stop() {
        switch (GetParam()) {
        case end_of_server::fast:
            return server->stop(postgres_server::shutdown::fast);
        case end_of_server::immediate:
            return server->stop(postgres_server::shutdown::immediate);
        case end_of_server::crash:
            return server->crash();
        }
    }

    static void restart() {
        stop();
        server->start();
    }

    /// The session, connected again, takes and releases key 1, which nobody holds.
    static void works_after_a_reconnect(soci::session& session) {
        session.reconnect();
        observer look(conninfo());
        EXPECT_TRUE(look.advisory_locks().empty());
        advisory_lock lock(session, 1);
        EXPECT_EQ(look.holders(1).size(), 1U);
        lock.unlock();
        EXPECT_TRUE(look.advisory_locks().empty());
        EXPECT_TRUE(release_pending(session));
    }

    static inline std::unique_ptr<postgres_server> server;

    captured_release_failures failures_;
    soci::session a_{soci::postgresql, conninfo()};
    soci::session b_{soci::postgresql, conninfo()};
};

TEST_P(server_end, leaves_held_locks_lost_and_to_be_taken_again) {
    advisory_lock first(a_, 1);
    shared_advisory_lock second(a_, {1, 2});
    restart();
    EXPECT_TRUE(eventually([&] { return first.lost() && second.lost(); }));
    EXPECT_NO_THROW(first.unlock());
    EXPECT_FALSE(first.owns_lock());
    EXPECT_THROW(first.lock(), connection_lost);
    EXPECT_FALSE(second.owns_lock()) << "the other lock of the session has heard of it";
    EXPECT_EQ(second.backend_pid(), 0);
    works_after_a_reconnect(a_);
    first.lock();
    EXPECT_TRUE(first.owns_lock());
    EXPECT_FALSE(first.lost());
}

TEST_P(server_end, is_silence_for_a_destructor) {
    {
        const advisory_lock lock(a_, 1);
        restart();
    }
    EXPECT_TRUE(failures_.take().empty());
    works_after_a_reconnect(a_);
}

TEST_P(server_end, does_not_make_an_old_lock_release_a_new_one) {
    auto old = std::make_unique<advisory_lock>(a_, 1);
    restart();
    a_.reconnect();
    const advisory_lock fresh(a_, 1);
    old.reset();
    EXPECT_TRUE(fresh.owns_lock());
    EXPECT_EQ(observer(conninfo()).holders(1).size(), 1U);
}

TEST_P(server_end, ends_every_kind_of_wait_with_an_error) {
    const advisory_lock holder(a_, 1);
    const std::stop_source source;
    const std::vector<std::function<void(soci::session&)>> waits{
        [](soci::session& s) { const advisory_lock lock(s, 1); },
        [&](soci::session& s) { const advisory_lock lock(s, 1, source.get_token()); },
        [](soci::session& s) { static_cast<void>(timed_advisory_lock(s, 1, 1h)); },
        [](soci::session& s) { const shared_advisory_lock lock(s, 1); },
        [](soci::session& s) {
            pglocks::transaction tx(s);
            const transaction_advisory_lock lock(tx, 1);
        },
        [&](soci::session& s) {
            pglocks::transaction tx(s);
            const transaction_advisory_lock lock(tx, 1, source.get_token());
        },
        [](soci::session& s) {
            pglocks::transaction tx(s);
            static_cast<void>(timed_transaction_advisory_lock(tx, 1, 1h));
        },
        [](soci::session& s) {
            const soci::transaction tx(s);
            static_cast<void>(timed_advisory_lock(s, 1, 1h));
        },
    };
    std::list<soci::session> sessions;
    std::list<background<std::string>> waiters;
    for (const auto& wait : waits) {
        auto& session = sessions.emplace_back(soci::postgresql, conninfo());
        waiters.emplace_back(conninfo(), [&session, &wait] {
            return error_of<connection_lost>([&] { wait(session); }).sqlstate();
        });
    }
    observer look(conninfo());
    ASSERT_TRUE(eventually([&] { return look.waiters(1).size() == waits.size(); }));
    restart();
    for (auto& waiter : waiters) {
        EXPECT_EQ(waiter.result(), GetParam() == end_of_server::fast ? "57P01" : "08006")
            << "only a fast shutdown says a last word";
    }
    EXPECT_TRUE(holder.lost());
    for (auto& session : sessions) {
        works_after_a_reconnect(session);
    }
}

TEST_P(server_end, ends_a_poll_with_an_error) {
    using polled_lock = basic_advisory_lock<wait::poll<counted_pause>>;
    const advisory_lock holder(a_, 1);
    counted_pause::pauses = 0;
    background waiter(conninfo(), [&] {
        return error_of<connection_lost>([&] { const polled_lock lock(b_, 1); }).sqlstate();
    });
    ASSERT_TRUE(eventually([] { return counted_pause::pauses > 2; }));
    restart();
    EXPECT_EQ(waiter.result(), "08006");
    works_after_a_reconnect(b_);
}

TEST_P(server_end, forgets_what_was_to_be_released_later) {
    for (const char* statement : {"select 1", "select 1/0"}) { // in an open transaction, and in a failed one
        advisory_lock lock(a_, 1);
        query(a_, "begin");
        try {
            query(a_, statement);
        } catch (const sql_error& error) {
            EXPECT_EQ(error.sqlstate(), "22012");
        }
        lock.unlock();
        ASSERT_TRUE(lock.pending());
        restart();
        EXPECT_THROW(query(a_, "commit"), sql_error);
        EXPECT_TRUE(eventually([&] { // libpq may first have read the server's farewell alone
            PQconsumeInput(libpq(a_));
            return PQstatus(libpq(a_)) != CONNECTION_OK;
        }));
        EXPECT_FALSE(lock.pending());
        EXPECT_TRUE(release_pending(a_));
        works_after_a_reconnect(a_);
    }
}

TEST_P(server_end, is_no_exception_in_a_standard_guard) {
    advisory_lock first(a_, 1, std::defer_lock);
    advisory_lock second(b_, 2, std::defer_lock);
    shared_advisory_lock third(b_, 3, std::defer_lock);
    polled_advisory_lock fourth(a_, 4, std::defer_lock);
    {
        const std::scoped_lock both(first, second);
        const std::shared_lock shared(third);
        const std::unique_lock unique(fourth);
        restart();
    } // an exception here would end the process
    EXPECT_FALSE(first.owns_lock() || second.owns_lock() || third.owns_lock() || fourth.owns_lock());
    EXPECT_TRUE(first.lost() && second.lost() && third.lost() && fourth.lost());
    works_after_a_reconnect(a_);
    works_after_a_reconnect(b_);
    const std::scoped_lock again(first, second);
    EXPECT_TRUE(first.owns_lock() && second.owns_lock());
}

TEST_P(server_end, is_known_to_a_transaction_whose_lock_went_with_it) {
    {
        pglocks::transaction tx(a_);
        const transaction_advisory_lock lock(tx, 1);
        restart();
        EXPECT_THROW(transaction_advisory_lock(tx, 2), connection_lost);
        EXPECT_THROW(tx.commit(), soci::soci_error);
    }
    works_after_a_reconnect(a_);
}

TEST_P(server_end, is_told_while_no_server_runs_and_over_when_one_does) {
    advisory_lock lock(a_, 1);
    stop();
    EXPECT_TRUE(eventually([&] { return lock.lost(); }));
    EXPECT_THROW(static_cast<void>(try_advisory_lock(b_, 1)), connection_lost);
    EXPECT_THROW(static_cast<void>(timed_advisory_lock(b_, 1, 10ms)), connection_lost);
    EXPECT_NO_THROW(lock.unlock());
    server->start();
    EXPECT_THROW(lock.lock(), connection_lost) << "a session that nobody has connected again";
    works_after_a_reconnect(a_);
    works_after_a_reconnect(b_);
}

INSTANTIATE_TEST_SUITE_P(any, server_end,
                         testing::Values(end_of_server::fast, end_of_server::immediate, end_of_server::crash),
                         name_of);

} // namespace
} // namespace pglocks::test
