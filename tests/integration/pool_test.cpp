// SPDX-License-Identifier: BSL-1.0
// Locks on a soci::connection_pool: they lease a session and give it back clean.
#include "integration/lock_test.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class connection_pool : public lock_test {
protected:
    static constexpr std::size_t size = 2;

    void SetUp() override {
        lock_test::SetUp();
        for (std::size_t i = 0; i < size; ++i) {
            pool_.at(i).open(soci::postgresql, conninfo());
        }
    }

    /// How many sessions are free.
    [[nodiscard]] std::size_t free_sessions() {
        std::vector<std::size_t> leased;
        std::size_t position = 0;
        while (pool_.try_lease(position, 0)) {
            leased.push_back(position);
        }
        for (const auto at : leased) {
            pool_.give_back(at);
        }
        return leased.size();
    }

    /// The bound of a wait in the queue that was sent: the first parameter of the statement that sets
    /// lock_timeout.
    [[nodiscard]] static std::chrono::milliseconds lock_timeout_sent(const wire_trace& wire) {
        bool sets_it = false;
        for (const auto& message : wire.messages()) {
            if (message.find("\tParse\t") != std::string::npos) {
                sets_it = message.find("set_config('lock_timeout'") != std::string::npos;
            } else if (sets_it && message.find("\tBind\t") != std::string::npos) {
                return std::chrono::milliseconds(std::stoi(message.substr(message.find('\'') + 1)));
            }
        }
        throw std::runtime_error("no lock_timeout was sent");
    }

    soci::connection_pool pool_{size};
};

TEST_F(connection_pool, a_lock_leases_a_session_and_gives_it_back) {
    {
        const advisory_lock lock(pool_, "nightly-report");
        ASSERT_NE(lock.session(), nullptr);
        EXPECT_EQ(owners(lock.key()), pids(*lock.session()));
        EXPECT_EQ(free_sessions(), size - 1);
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_EQ(free_sessions(), size);
}

TEST_F(connection_pool, two_locks_have_two_sessions_and_exclude_each_other) {
    const advisory_lock first(pool_, 1);
    const try_shared_advisory_lock second(pool_, 1);
    EXPECT_FALSE(second.owns_lock());
    EXPECT_EQ(second.session(), nullptr) << "what was not acquired keeps no session";
    EXPECT_EQ(free_sessions(), size - 1);
    const advisory_lock third(pool_, 2);
    EXPECT_NE(third.session(), first.session());
    EXPECT_EQ(free_sessions(), 0U);
}

TEST_F(connection_pool, unlock_gives_the_session_back_and_lock_leases_one_again) {
    advisory_lock lock(pool_, 1, std::defer_lock);
    EXPECT_EQ(lock.session(), nullptr);
    EXPECT_EQ(free_sessions(), size);
    for (int i = 0; i < 3; ++i) {
        lock.lock();
        EXPECT_EQ(owners(1), pids(*lock.session()));
        lock.unlock();
        EXPECT_EQ(lock.session(), nullptr);
        EXPECT_EQ(free_sessions(), size);
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
}

TEST_F(connection_pool, the_session_is_given_back_without_its_open_transaction) {
    {
        const advisory_lock lock(pool_, 1);
        query(*lock.session(), "begin");
        query(*lock.session(), "create table never_committed (n integer)");
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(PQtransactionStatus(libpq(pool_.at(i))), PQTRANS_IDLE);
        EXPECT_TRUE(release_pending(pool_.at(i)));
    }
    EXPECT_EQ(look_.value("select count(*) from pg_class where relname = 'never_committed'"), "0");
}

TEST_F(connection_pool, the_session_is_given_back_without_its_failed_transaction) {
    {
        const advisory_lock lock(pool_, 1);
        query(*lock.session(), "begin");
        EXPECT_THROW(query(*lock.session(), "select 1/0"), sql_error);
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_EQ(free_sessions(), size);
    for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(PQtransactionStatus(libpq(pool_.at(i))), PQTRANS_IDLE);
    }
}

TEST_F(connection_pool, unlocking_in_a_transaction_sends_the_release_before_the_session_goes_back) {
    advisory_lock lock(pool_, 1);
    query(*lock.session(), "begin");
    lock.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_EQ(free_sessions(), size);
}

TEST_F(connection_pool, an_error_gives_the_session_back) {
    query(pool_.at(0), "begin");
    EXPECT_THROW(query(pool_.at(0), "select 1/0"), sql_error);
    EXPECT_THROW(static_cast<void>(advisory_lock(pool_, 1)), refused);
    EXPECT_EQ(free_sessions(), size);
}

TEST_F(connection_pool, an_exhausted_pool_is_an_answer_to_one_try_and_to_a_bound) {
    std::optional<advisory_lock> first(std::in_place, pool_, 1);
    const advisory_lock second(pool_, 2);
    EXPECT_FALSE(try_advisory_lock(pool_, 3).owns_lock());
    const auto start = steady_clock::now();
    timed_advisory_lock third(pool_, 3, 50ms);
    EXPECT_FALSE(third.owns_lock());
    EXPECT_GE(steady_clock::now() - start, 49ms);
    EXPECT_EQ(third.session(), nullptr);
    first.reset();
    EXPECT_TRUE(third.try_lock_for(50ms));
    EXPECT_EQ(owners(3), pids(*third.session()));
}

TEST_F(connection_pool, the_lease_counts_against_the_bound) {
    std::optional<advisory_lock> holder(std::in_place, pool_, 1);
    std::optional<advisory_lock> other(std::in_place, pool_, 2);
    timed_advisory_lock lock(pool_, 1, std::defer_lock);
    auto acquired = in_background([&] { return lock.try_lock_for(1min); });
    ASSERT_TRUE(eventually([&] { return acquired.sleeps(); })) << "it waits for a session";
    const auto start = steady_clock::now();
    EXPECT_FALSE(acquired.ended(200ms));
    const auto waited = std::chrono::floor<std::chrono::milliseconds>(steady_clock::now() - start);
    const wire_trace wire(*other->session());
    other.reset();
    ASSERT_TRUE(queued(1)) << "then for the lock";
    holder.reset();
    EXPECT_TRUE(acquired.result());
    EXPECT_LE(lock_timeout_sent(wire), 1min - waited);
    lock.unlock();
    EXPECT_EQ(free_sessions(), size);
}

TEST_F(connection_pool, a_lock_waits_for_a_session_as_long_as_it_takes) {
    std::optional<advisory_lock> first(std::in_place, pool_, 1);
    const advisory_lock second(pool_, 2);
    auto waiter = in_background([&] { return advisory_lock(pool_, 3).owns_lock(); });
    ASSERT_TRUE(eventually([&] { return waiter.sleeps(); }));
    EXPECT_FALSE(waiter.ended(50ms));
    first.reset();
    EXPECT_TRUE(waiter.result());
    EXPECT_EQ(free_sessions(), 1U);
}

TEST_F(connection_pool, a_stop_ends_the_wait_for_a_session) {
    std::optional<advisory_lock> first(std::in_place, pool_, 1);
    const advisory_lock second(pool_, 2);
    std::stop_source source;
    auto waiter = in_background([&] { return advisory_lock(pool_, 3, source.get_token()).owns_lock(); });
    ASSERT_TRUE(eventually([&] { return waiter.sleeps(); }));
    EXPECT_FALSE(waiter.ended(50ms));
    source.request_stop();
    EXPECT_TRUE(waiter.ended(default_deadline));
    first.reset(); // else a wait that does not stop would last for ever
    EXPECT_FALSE(waiter.result());
}

TEST_F(connection_pool, a_lost_session_is_given_back_too) {
    {
        advisory_lock lock(pool_, 1);
        end_all_others(look_);
        ASSERT_TRUE(nothing_left());
        EXPECT_TRUE(eventually([&] { return lock.lost(); }));
        EXPECT_NO_THROW(lock.unlock());
        EXPECT_EQ(free_sessions(), size);
    }
    for (std::size_t i = 0; i < size; ++i) {
        pool_.at(i).reconnect();
    }
    const advisory_lock usable(pool_, 1);
    EXPECT_TRUE(usable.owns_lock());
}

TEST_F(connection_pool, moving_a_lock_moves_its_lease) {
    advisory_lock from(pool_, 1);
    auto* const session = from.session();
    {
        const advisory_lock to(std::move(from));
        EXPECT_EQ(to.session(), session);
        EXPECT_EQ(from.session(), nullptr); // NOLINT(bugprone-use-after-move): what is left is specified
        EXPECT_EQ(free_sessions(), size - 1);
    }
    EXPECT_EQ(free_sessions(), size);
    advisory_lock target(pool_, 2);
    target = advisory_lock(pool_, 3);
    EXPECT_EQ(free_sessions(), size - 1);
    EXPECT_TRUE(owners(2).empty());
}

} // namespace
} // namespace pglocks::test
