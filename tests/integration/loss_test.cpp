// SPDX-License-Identifier: BSL-1.0
// The connection ends while a lock is held or waited for: the lock knows, and nothing is thrown where nobody
// expects it.
#include "integration/lock_test.hpp"

#include <soci/callbacks.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class loss : public lock_test {
protected:
    void terminate(int backend) {
        look_.exec("select pg_terminate_backend(" + std::to_string(backend) + ")");
        ASSERT_TRUE(eventually([&] {
            return look_.value("select count(*) from pg_stat_activity where pid = " +
                               std::to_string(backend)) == "0";
        }));
    }
};

TEST_F(loss, a_lock_whose_backend_has_ended_is_lost_without_asking_it) {
    const advisory_lock lock(a_, 1);
    EXPECT_FALSE(lock.lost());
    const wire_trace wire(a_);
    terminate(pid(a_));
    EXPECT_TRUE(eventually([&] { return lock.lost(); }));
    EXPECT_TRUE(wire.sent_nothing());
}

TEST_F(loss, the_next_lock_says_that_the_connection_is_lost_and_all_locks_know_it) {
    advisory_lock first(a_, 1);
    shared_advisory_lock second(a_, {1, 2});
    terminate(pid(a_));
    const auto error = error_of<connection_lost>([&] { const advisory_lock next(a_, "next"); });
    EXPECT_EQ(error.name(), "next");
    EXPECT_EQ(error.key(), key_of("next"));
    EXPECT_FALSE(error.advice().empty());
    for (const bool owns : {first.owns_lock(), second.owns_lock()}) {
        EXPECT_FALSE(owns);
    }
    EXPECT_TRUE(first.lost());
    EXPECT_TRUE(second.lost());
    EXPECT_EQ(first.backend_pid(), 0);
    EXPECT_NO_THROW(first.unlock());
    EXPECT_TRUE(first.lost()) << "until the next acquisition";
    EXPECT_THROW(first.lock(), connection_lost);
}

TEST_F(loss, unlocking_what_was_lost_unnoticed_throws_nothing) {
    advisory_lock lock(a_, 1);
    terminate(pid(a_));
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.lost());
    EXPECT_TRUE(throws(std::errc::operation_not_permitted, [&] { lock.unlock(); }));
}

TEST_F(loss, a_destructor_throws_and_reports_nothing) {
    {
        const advisory_lock lock(a_, 1);
        terminate(pid(a_));
    }
    EXPECT_TRUE(failures_.take().empty());
}

TEST_F(loss, during_a_wait_of_any_kind_is_told) {
    const advisory_lock holder(a_, 1);
    const auto is_told = [&](auto wait_for_key_1) {
        soci::session session = connect();
        auto told = in_background(
            [&] { return error_of<connection_lost>([&] { wait_for_key_1(session); }).sqlstate(); });
        ASSERT_TRUE(queued(1));
        terminate(queue(1).at(0));
        EXPECT_EQ(told.result(), "57P01") << "as the server said";
        EXPECT_EQ(owners(1), pids(a_));
    };
    const std::stop_source source;
    is_told([](soci::session& s) { const advisory_lock lock(s, 1); });
    is_told([&](soci::session& s) { const advisory_lock lock(s, 1, source.get_token()); });
    is_told([](soci::session& s) { static_cast<void>(timed_advisory_lock(s, 1, 1h)); });
    is_told([](soci::session& s) {
        pglocks::transaction tx(s);
        const transaction_advisory_lock lock(tx, 1);
    });
    is_told([](soci::session& s) {
        pglocks::transaction tx(s);
        static_cast<void>(timed_transaction_advisory_lock(tx, 1, 1h));
    });
    is_told([](soci::session& s) {
        const soci::transaction tx(s);
        static_cast<void>(timed_advisory_lock(s, 1, 1h));
    });
}

TEST_F(loss, during_a_poll_is_told) {
    const advisory_lock holder(a_, 1);
    soci::session session = connect();
    const auto backend = pid(session);
    auto told = in_background([&] {
        return error_of<connection_lost>([&] { const polled_advisory_lock lock(session, 1); }).message();
    });
    terminate(backend);
    EXPECT_NE(told.result().find("administrator command"), std::string::npos);
}

TEST_F(loss, after_a_reconnect_the_lock_knows_that_it_holds_nothing_and_can_be_taken_again) {
    advisory_lock lock(a_, 1);
    const auto before = pid(a_);
    a_.reconnect();
    EXPECT_NE(pid(a_), before);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.lost());
    EXPECT_TRUE(nothing_left());
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_FALSE(lock.lost());
    EXPECT_EQ(owners(1), pids(a_));
    lock.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(loss, after_a_reconnect_an_old_lock_does_not_release_a_new_one) {
    auto old = std::make_unique<advisory_lock>(a_, 1);
    a_.reconnect();
    const advisory_lock fresh(a_, 1);
    old.reset();
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_TRUE(fresh.owns_lock());
}

/// Lets SOCI connect anew, once.
class failover_to : public soci::failover_callback {
public:
    explicit failover_to(std::string target) : target_(std::move(target)) {}
    void failed(bool& retry, std::string& target) override {
        retry = !std::exchange(asked_, true);
        target = target_;
    }
    void finished(soci::session& /*session*/) override { finished_ = true; }
    [[nodiscard]] bool has_finished() const { return finished_; }

private:
    std::string target_;
    bool asked_ = false;
    bool finished_ = false;
};

TEST_F(loss, after_a_failover_of_socis_own_the_lock_knows_that_it_holds_nothing) {
    failover_to failover(conninfo());
    a_.set_failover_callback(failover);
    std::optional<advisory_lock> lock(std::in_place, a_, 1);
    terminate(pid(a_));
    try {
        a_ << "select 1";
    } catch (const soci::soci_error&) { // SOCI may still report the statement as failed
    }
    ASSERT_TRUE(failover.has_finished());
    EXPECT_FALSE(lock->owns_lock());
    EXPECT_TRUE(lock->lost());
    EXPECT_TRUE(owners(1).empty());
    EXPECT_EQ(query(a_, "select 1"), "1") << "the session is on a new connection";
    advisory_lock next(a_, 1);
    lock.reset();
    EXPECT_EQ(owners(1), std::vector{next.backend_pid()}) << "the old lock has not released the new one";
    EXPECT_TRUE(failures_.take().empty());
}

TEST_F(loss, after_a_reset_of_the_connection_the_lock_knows_that_it_holds_nothing) {
    advisory_lock lock(a_, 1);
    PQreset(libpq(a_));
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.lost());
    const advisory_lock fresh(a_, 1);
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_EQ(owners(1), pids(a_));
}

TEST_F(loss, a_closed_session_has_released_its_locks_and_takes_none) {
    advisory_lock lock(a_, 1);
    a_.close();
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.lost());
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_TRUE(nothing_left());
    const auto error = error_of<refused>([&] { const advisory_lock next(a_, "next"); });
    EXPECT_EQ(error.name(), "next");
    EXPECT_NE(std::string(error.what()).find("not open"), std::string::npos) << error.what();
    EXPECT_THROW(lock.lock(), refused);
    EXPECT_THROW(release_pending(a_), refused);
}

TEST_F(loss, a_lock_may_outlive_its_session) {
    auto session = std::make_unique<soci::session>(soci::postgresql, conninfo());
    advisory_lock unlocked(*session, 1);
    auto destroyed = std::make_unique<shared_advisory_lock>(*session, 2);
    advisory_lock pending(*session, 3);
    query(*session, "begin");
    pending.unlock();
    session.reset();
    EXPECT_TRUE(nothing_left());
    EXPECT_FALSE(unlocked.owns_lock());
    EXPECT_TRUE(unlocked.lost());
    EXPECT_NO_THROW(unlocked.unlock());
    destroyed.reset();
    EXPECT_FALSE(pending.pending());
}

TEST_F(loss, a_pending_release_is_forgotten_with_its_connection) {
    query(a_, "begin");
    {
        const advisory_lock lock(a_, 1);
    }
    a_.reconnect();
    EXPECT_TRUE(release_pending(a_));
    const advisory_lock fresh(a_, 1);
    EXPECT_EQ(owners(1), pids(a_));
}

/// The server says that a lock was not held when it is released: somebody released it behind our back.
class released_behind_our_back : public lock_test {
protected:
    void SetUp() override {
        lock_test::SetUp();
        query(a_, "set client_min_messages = error"); // no warnings from pg_advisory_unlock
    }
};

TEST_F(released_behind_our_back, unlock_says_so) {
    advisory_lock lock(a_, "nightly-report"_lock);
    query(a_, "select pg_advisory_unlock_all()");
    const auto error = error_of<not_held>([&] { lock.unlock(); });
    EXPECT_EQ(error.name(), "nightly-report");
    EXPECT_EQ(error.key(), key_of("nightly-report"));
    EXPECT_FALSE(lock.owns_lock());
    lock.lock();
    EXPECT_EQ(owners(lock.key()), pids(a_));
}

TEST_F(released_behind_our_back, the_destructor_reports_it) {
    {
        const advisory_lock lock(a_, "nightly-report"_lock);
        query(a_, "select pg_advisory_unlock(" + to_sql(lock.key()) + ")");
    }
    const auto messages = failures_.take();
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_NE(messages[0].find("\"nightly-report\""), std::string::npos) << messages[0];
    EXPECT_NE(messages[0].find("not held"), std::string::npos) << messages[0];
}

TEST_F(released_behind_our_back, a_pending_release_reports_it) {
    query(a_, "begin");
    {
        const advisory_lock lock(a_, {5, 6});
    }
    query(a_, "select pg_advisory_unlock_all()");
    query(a_, "commit");
    const auto messages = failures_.take();
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_NE(messages[0].find(to_string(lock_key(5, 6))), std::string::npos) << messages[0];
}

TEST_F(released_behind_our_back, the_default_handler_prints_one_line) {
    set_release_failure_handler(nullptr);
    testing::internal::CaptureStderr();
    {
        const advisory_lock lock(a_, 1);
        query(a_, "select pg_advisory_unlock_all()");
    }
    const std::string printed = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(printed.starts_with("pglocks: ")) << printed;
    EXPECT_EQ(std::count(printed.begin(), printed.end(), '\n'), 1) << printed;
}

} // namespace
} // namespace pglocks::test
