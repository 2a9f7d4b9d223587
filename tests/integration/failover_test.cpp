// SPDX-License-Identifier: BSL-1.0
// A primary, its hot standby, and the standby's promotion: what a lock says on either, and what it still
// guarantees.
#include <pglocks/loss_watcher.hpp>

#include "integration/lock_test.hpp"
#include "integration/silenced.hpp"
#include "support/standby_server.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

[[nodiscard]] milliseconds between(steady_clock::time_point from, steady_clock::time_point to) {
    return std::chrono::duration_cast<milliseconds>(to - from);
}

class failover : public testing::Test {
protected:
    [[nodiscard]] static soci::session connect(const server& to) {
        return soci::session(soci::postgresql, to.conninfo());
    }

    void TearDown() override {
        for (const auto& message : failures_.take()) {
            ADD_FAILURE() << "a release failed: " << message;
        }
    }

    captured_release_failures failures_;
    std::shared_ptr<postgres_server> primary_ = std::make_shared<postgres_server>();
    std::shared_ptr<standby_server> standby_ = std::make_shared<standby_server>(*primary_);
};

TEST_F(failover, a_standby_refuses_every_lock_until_it_is_promoted) {
    auto session = connect(*standby_);
    observer look(standby_->conninfo());
    const auto is_refused = [&](auto acquire) {
        const auto error = error_of<refused>(acquire);
        EXPECT_EQ(error.sqlstate(), "25006");
        EXPECT_EQ(error.name(), "leader");
        EXPECT_EQ(error.key(), key_of("leader"));
        EXPECT_NE(std::string(error.what()).find("standby"), std::string::npos) << error.what();
        EXPECT_NE(error.advice().find("primary"), std::string::npos) << error.what();
        EXPECT_TRUE(look.advisory_locks().empty());
    };
    is_refused([&] { const advisory_lock lock(session, "leader"); });
    is_refused([&] { const shared_advisory_lock lock(session, "leader"); });
    is_refused([&] { static_cast<void>(try_advisory_lock(session, "leader")); });
    is_refused([&] { static_cast<void>(timed_advisory_lock(session, "leader", 1h)); });
    is_refused([&] { const polled_advisory_lock lock(session, "leader"); });
    {
        pglocks::transaction tx(session);
        is_refused([&] { const transaction_advisory_lock lock(tx, "leader"); });
        is_refused([&] { static_cast<void>(try_transaction_advisory_lock(tx, "leader")); });
    }
    standby_->promote();
    const advisory_lock lock(session, "leader");
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(look.holders(key_of("leader").bits()).size(), 1U);
}

TEST_F(failover, a_session_that_has_seen_the_promotion_in_another_answer_is_not_refused) {
    auto session = connect(*standby_);
    EXPECT_THROW(static_cast<void>(try_advisory_lock(session, "leader")), refused);
    standby_->promote();
    query(session, "select 1");
    pglocks::transaction tx(session);
    EXPECT_NO_THROW(transaction_advisory_lock(tx, "leader"));
}

/// The primary ends in one way or another while its locks are held, and the standby is promoted.
class holder_of_the_old_primary : public failover {
protected:
    template <class End>
    void holds_nothing_after(const char* what, End end) {
        auto session = connect(*primary_);
        advisory_lock lock(session, "leader");
        auto unused_session = connect(*primary_);
        const advisory_lock unused(unused_session, "unused");
        loss_watcher watcher;
        const auto watch = watcher.watch(lock);
        const auto start = steady_clock::now();
        std::atomic<milliseconds> noticed = 0ms;
        const std::stop_callback on_loss(watch.token(),
                                         [&] { noticed = between(start, steady_clock::now()); });
        end();
        const auto ended = between(start, steady_clock::now());
        standby_->promote();
        const auto promoted = between(start, steady_clock::now());
        EXPECT_TRUE(watch.token().stop_requested()) << "before the standby was promoted";
        EXPECT_TRUE(lock.lost());
        EXPECT_TRUE(unused.lost());
        auto successor = connect(*standby_);
        const try_advisory_lock successors(successor, "leader");
        EXPECT_TRUE(successors.owns_lock());
        EXPECT_THROW(static_cast<void>(try_advisory_lock(session, "next")), connection_lost);
        EXPECT_FALSE(lock.owns_lock());
        EXPECT_TRUE(lock.lost());
        EXPECT_NO_THROW(lock.unlock());
        EXPECT_FALSE(unused.owns_lock()) << "also where nothing but the operating system has told so";
        std::cout << what << ": the loss was noticed after " << noticed.load().count()
                  << " ms, the primary was gone after " << ended.count() << " ms, the standby promoted after "
                  << promoted.count() << " ms\n";
        RecordProperty("noticed_after_ms", static_cast<int>(noticed.load().count()));
    }
};

TEST_F(holder_of_the_old_primary, holds_nothing_after_its_fast_shutdown) {
    holds_nothing_after("fast shutdown", [&] { primary_->stop(); });
}

TEST_F(holder_of_the_old_primary, holds_nothing_after_its_crash) {
    holds_nothing_after("crash", [&] { primary_->crash(); });
}

TEST_F(holder_of_the_old_primary, is_told_by_a_heartbeat_when_the_network_to_it_is_cut) {
    auto session = connect(*primary_);
    advisory_lock lock(session, "leader");
    const auto backend = lock.backend_pid();
    std::optional<loss_watcher> watcher(std::in_place);
    const heartbeat beat{.every = 100ms, .within = 100ms};
    std::optional<loss_watch> watch(watcher->watch(lock, beat));
    const auto token = watch->token();
    const silenced cut(backend);
    const auto start = steady_clock::now();
    EXPECT_TRUE(eventually([&] { return token.stop_requested(); }));
    const auto noticed = between(start, steady_clock::now());
    standby_->promote();
    auto successor = connect(*standby_);
    const try_advisory_lock successors(successor, "leader");
    EXPECT_TRUE(successors.owns_lock());
    watch.reset();
    EXPECT_TRUE(lock.lost());
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_THROW(lock.lock(), connection_lost);
    EXPECT_LT(noticed, beat.every + beat.within + lateness);
    std::cout << "cut network: the loss was noticed after " << noticed.count() << " ms by a heartbeat every "
              << beat.every.count() << " ms, to be answered within " << beat.within.count() << " ms\n";
    RecordProperty("noticed_after_ms", static_cast<int>(noticed.count()));
}

/// What each way of locking guarantees when the standby is promoted while the old primary has a leader.
class guarantee_ladder : public failover {
protected:
    static constexpr int rounds = 3;

    struct times {
        steady_clock::time_point cut;
        steady_clock::time_point left;    ///< the leader on the old primary
        steady_clock::time_point entered; ///< the leader on the new primary

        [[nodiscard]] milliseconds overlap() const { return std::max(0ms, between(entered, left)); }
    };

    /// The network to the old primary is cut, and the standby promoted and used at once.
    ///
    /// The old leader works on something that is not in the database: `work` is called with its lock, and
    /// with what it calls when it has begun.
    template <class Work>
    [[nodiscard]] times fail_over(Work work) {
        times t;
        std::atomic<int> backend = 0;
        std::atomic<bool> left = false;
        const std::jthread old_leader([&] {
            auto session = connect(*primary_);
            const advisory_lock lock(session, "leader");
            work(lock, [&, served_by = lock.backend_pid()] { backend = served_by; });
            t.left = steady_clock::now();
            left = true;
        });
        EXPECT_TRUE(eventually([&] { return backend != 0; }));
        const silenced cut(backend);
        t.cut = steady_clock::now();
        standby_->promote();
        auto session = connect(*standby_);
        const advisory_lock lock(session, "leader");
        t.entered = steady_clock::now();
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_TRUE(eventually([&] { return left.load(); }));
        return t;
    }

    /// The new primary gets a standby of its own.
    void next_round() {
        primary_ = std::move(standby_);
        standby_ = std::make_shared<standby_server>(*primary_);
    }
};

TEST_F(guarantee_ladder, a_session_lock_alone_does_not_exclude_the_new_primarys_leader) {
    constexpr auto unit_of_work = 1500ms;
    milliseconds least = milliseconds::max();
    for (int i = 0; i < rounds; ++i) {
        const auto t = fail_over([&](const advisory_lock& lock, auto begin) {
            begin();
            std::this_thread::sleep_for(unit_of_work); // it asks nobody
            EXPECT_TRUE(lock.owns_lock()) << "and knows of nothing";
        });
        least = std::min(least, t.overlap());
        std::cout << "session lock alone: the leaders overlap for " << t.overlap().count() << " ms of "
                  << unit_of_work.count() << " ms of work\n";
        next_round();
    }
    EXPECT_GT(least, 0ms) << "promotion takes longer than the work: this shows nothing";
    RecordProperty("least_overlap_ms", static_cast<int>(least.count()));
}

TEST_F(guarantee_ladder, a_monitored_session_lock_bounds_the_overlap_by_the_time_of_detection) {
    constexpr heartbeat beat{.every = 100ms, .within = 100ms};
    constexpr auto bound = beat.every + beat.within;
    milliseconds worst = 0ms;
    milliseconds soonest = milliseconds::max();
    for (int i = 0; i < rounds; ++i) {
        const auto t = fail_over([&](const advisory_lock& lock, auto begin) {
            loss_watcher watcher;
            const auto watch = watcher.watch(lock, beat);
            begin();
            for (const auto token = watch.token(); !token.stop_requested();) {
                std::this_thread::sleep_for(1ms); // a small step of the work
            }
        });
        next_round();
        const auto detected = between(t.cut, t.left);
        if (t.left < t.cut) {
            std::cout << "a heartbeat was late, and had the leader stop before the network was cut\n";
            continue;
        }
        EXPECT_LT(detected, bound + lateness);
        EXPECT_LE(t.overlap(), detected);
        worst = std::max(worst, t.overlap());
        soonest = std::min(soonest, detected);
        std::cout << "session lock with a monitor: the loss was detected after " << detected.count()
                  << " ms, the new leader entered after " << between(t.cut, t.entered).count()
                  << " ms, the leaders overlap for " << t.overlap().count() << " ms\n";
    }
    EXPECT_LT(soonest, bound + 250ms);
    RecordProperty("worst_overlap_ms", static_cast<int>(worst.count()));
}

/// Adds one to a counter in a row, under a transaction lock in the same transaction.
class counting_client {
public:
    explicit counting_client(const server& at) : session_(soci::postgresql, at.conninfo()) {
        query(session_, "set synchronous_commit = remote_apply");
    }

    void add_one() {
        pglocks::transaction tx(session_);
        const transaction_advisory_lock lock(tx, "counter");
        const int n = std::stoi(query(session_, "select n from counter"));
        query(session_, "update counter set n = " + std::to_string(n + 1)); // no lost update but by the lock
        tx.commit();
    }

private:
    soci::session session_;
};

TEST_F(guarantee_ladder, a_transaction_lock_with_the_write_in_its_transaction_loses_no_update) {
    observer on_primary(primary_->conninfo());
    on_primary.exec("create table counter (n integer); insert into counter values (0)");
    on_primary.exec("alter system set synchronous_standby_names = '*'");
    on_primary.exec("select pg_reload_conf()");
    ASSERT_TRUE(eventually([&] {
        return on_primary.value("select count(*) from pg_stat_replication where sync_state = 'sync'") == "1";
    }));
    constexpr int clients = 3;
    std::atomic<int> committed_on_old = 0;
    std::atomic<int> in_doubt = 0;
    std::vector<std::jthread> old_clients;
    for (int i = 0; i < clients; ++i) {
        old_clients.emplace_back([&] {
            counting_client client(*primary_);
            try {
                for (;;) {
                    client.add_one();
                    ++committed_on_old;
                }
            } catch (const std::exception&) { // whether the last one was committed was not said
                ++in_doubt;
            }
        });
    }
    EXPECT_TRUE(eventually([&] { return committed_on_old > 50; }));
    standby_->promote(); // the old primary and its clients know nothing of it
    const int before = committed_on_old;
    counting_client successor(*standby_);
    constexpr int more = 50;
    for (int i = 0; i < more; ++i) {
        successor.add_one();
    }
    primary_->stop(postgres_server::shutdown::immediate);
    old_clients.clear();
    const int counted = std::stoi(observer(standby_->conninfo()).value("select n from counter"));
    const int acknowledged = committed_on_old + more;
    EXPECT_GE(counted, acknowledged) << "an update was lost";
    EXPECT_LE(counted, acknowledged + in_doubt);
    EXPECT_EQ(in_doubt, clients);
    std::cout << "transaction lock with the write: " << committed_on_old << " commits on the old primary ("
              << committed_on_old - before << " of them acknowledged after the promotion), " << more
              << " on the new one, " << in_doubt << " in doubt, counted " << counted << ", lost "
              << std::max(0, acknowledged - counted) << '\n';
    RecordProperty("lost_updates", std::max(0, acknowledged - counted));
}

} // namespace
} // namespace pglocks::test
