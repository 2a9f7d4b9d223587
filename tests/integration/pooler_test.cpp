// SPDX-License-Identifier: BSL-1.0
// Locks through a real PgBouncer in each of its modes: what excludes nobody is refused, what works is let
// through.
#include "integration/lock_test.hpp"
#include "support/pgbouncer.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

constexpr int many = 500; ///< connections for each claim of "every time"

std::string name_of(pool_mode mode) {
    switch (mode) {
    case pool_mode::session:
        return "session";
    case pool_mode::transaction:
        return "transaction";
    default:
        return "statement";
    }
}

enum class load : std::uint8_t { idle, busy };

/// Clients that keep a pooler busy while the object lives, in the way that its mode allows.
class busy_clients {
public:
    busy_clients(const std::string& conninfo, pool_mode mode, int count) {
        for (int i = 0; i < count; ++i) {
            threads_.emplace_back([this, conninfo, mode](const std::stop_token& stop) {
                while (!stop.stop_requested()) {
                    work(conninfo, mode, stop);
                }
            });
        }
        if (!eventually([&] { return turns_ > 2 * count; })) {
            throw std::runtime_error("the clients that are to keep the pooler busy do not get on");
        }
    }

private:
    void work(const std::string& conninfo, pool_mode mode, const std::stop_token& stop) {
        observer client(conninfo);
        do {
            if (mode == pool_mode::statement) {
                client.exec("select pg_sleep(0.0005)");
            } else {
                client.exec("begin");
                client.exec("select pg_sleep(0.0005)");
                client.exec("commit");
            }
            ++turns_;
        } while (mode != pool_mode::session &&
                 !stop.stop_requested()); // in session mode, connections are its work
    }

    std::atomic<int> turns_ = 0;
    std::vector<std::jthread> threads_;
};

/// Calls a function so many times, two at once, and counts what it answers.
std::map<std::string, int> tally(int times, const std::function<std::string()>& function) {
    std::atomic<int> left = times;
    std::mutex mutex;
    std::map<std::string, int> answers;
    const auto run = [&] {
        while (left-- > 0) {
            std::string answer;
            try {
                answer = function();
            } catch (const std::exception& error) {
                answer = error.what();
            }
            const std::lock_guard guard(mutex);
            ++answers[answer];
        }
    };
    std::jthread second(run);
    run();
    second.join();
    return answers;
}

using tallied = std::map<std::string, int>;

/// What trying a session-scope lock ends with; the lock is released again.
std::string end_of_a_try(soci::session& session, lock_key key) {
    try {
        try_advisory_lock lock(session, key);
        return lock.owns_lock() ? "acquired" : "not acquired";
    } catch (const refused& error) {
        const std::string_view text = error.what();
        const bool advises = text.find("goes through a pooler") != std::string_view::npos &&
                             error.advice().find("declare_session_pooler") != std::string::npos &&
                             error.advice().find("scope::transaction") != std::string::npos;
        return advises ? "refused" : std::string(text);
    }
}

std::string end_of_a_declaration(soci::session& session) {
    try {
        declare_session_pooler(session);
        return "accepted";
    } catch (const refused& error) {
        const bool advises =
            std::string_view(error.what()).find("not in session mode") != std::string::npos &&
            error.advice().find("pool_mode = session") != std::string::npos;
        return advises ? "refused" : error.what();
    }
}

class each_mode : public lock_test, public testing::WithParamInterface<std::tuple<pool_mode, load>> {
protected:
    void SetUp() override {
        lock_test::SetUp();
        if (std::get<load>(GetParam()) == load::busy) {
            clients_.emplace(pooler_.conninfo(), mode(), 6);
        }
    }

    [[nodiscard]] static pool_mode mode() { return std::get<pool_mode>(GetParam()); }
    [[nodiscard]] static lock_key next_key() {
        static std::atomic<int> last = 0;
        return ++last;
    }

    pgbouncer pooler_{shared_server(), mode(), {{"default_pool_size", "12"}}};
    std::optional<busy_clients> clients_;
};

INSTANTIATE_TEST_SUITE_P(pooler, each_mode,
                         testing::Combine(testing::Values(pool_mode::session, pool_mode::transaction,
                                                          pool_mode::statement),
                                          testing::Values(load::idle, load::busy)),
                         [](const auto& test) {
                             return name_of(std::get<0>(test.param)) +
                                    (std::get<1>(test.param) == load::idle ? "_idle" : "_busy");
                         });

TEST_P(each_mode, an_undeclared_session_lock_is_refused_every_time) {
    const auto ends = tally(many, [&] {
        soci::session session(soci::postgresql, pooler_.conninfo());
        return end_of_a_try(session, next_key());
    });
    EXPECT_EQ(ends, (tallied{{"refused", many}}));
    EXPECT_TRUE(look_.advisory_locks().empty()) << "nothing was taken to find that out";
}

TEST_P(each_mode, a_declaration_is_accepted_in_session_mode_every_time_and_else_never) {
    const auto ends = tally(many, [&] {
        soci::session session(soci::postgresql, pooler_.conninfo());
        const auto end = end_of_a_declaration(session);
        return end + ", " + end_of_a_try(session, next_key());
    });
    EXPECT_EQ(ends, mode() == pool_mode::session ? (tallied{{"accepted, acquired", many}})
                                                 : (tallied{{"refused, refused", many}}));
    EXPECT_TRUE(nothing_left());
}

class pooler : public lock_test {
protected:
    [[nodiscard]] static soci::session connect_through(const pgbouncer& pool) {
        return soci::session(soci::postgresql, pool.conninfo());
    }
};

TEST_F(pooler, a_declared_session_has_every_kind_of_lock) {
    const pgbouncer pool(shared_server(), pool_mode::session);
    soci::session session = connect_through(pool);
    declare_session_pooler(session);
    advisory_lock plain(session, 1);
    EXPECT_EQ(plain.backend_pid(), owners(1).at(0)) << "not what the pooler said at login";
    const timed_advisory_lock timed(session, 2, 1s);
    const polled_advisory_lock polled(session, 3);
    const shared_advisory_lock shared(session, {4, 5});
    EXPECT_EQ(look_.advisory_locks().size(), 4U);
    EXPECT_FALSE(try_advisory_lock(b_, 1).owns_lock());
    EXPECT_FALSE(plain.lost());
    plain.unlock();
    const advisory_lock direct(b_, 1);
    EXPECT_FALSE(plain.try_lock());
    EXPECT_FALSE(timed_advisory_lock(session, 1, 30ms).owns_lock());
    {
        soci::transaction tx(session);
        {
            const advisory_lock pending(session, 6);
        }
        EXPECT_EQ(owners(6).size(), 1U);
        tx.commit();
        EXPECT_TRUE(owners(6).empty());
    }
}

TEST_F(pooler, a_declared_session_waits_its_turn_and_can_be_stopped) {
    const pgbouncer pool(shared_server(), pool_mode::session);
    soci::session session = connect_through(pool);
    declare_session_pooler(session);
    std::optional<advisory_lock> direct(std::in_place, a_, 1);
    auto waiter = in_background([&] { return advisory_lock(session, 1).owns_lock(); });
    EXPECT_TRUE(queued(1));
    direct.reset();
    EXPECT_TRUE(waiter.result());
    direct.emplace(a_, 1);
    std::stop_source stop;
    auto stopped = in_background([&] { return advisory_lock(session, 1, stop.get_token()).owns_lock(); });
    EXPECT_TRUE(queued(1));
    stop.request_stop();
    EXPECT_FALSE(stopped.result());
    direct.reset();
    EXPECT_TRUE(advisory_lock(session, 1).owns_lock()) << "the session is usable";
}

TEST_F(pooler, a_declaration_ends_with_the_connection) {
    const pgbouncer pool(shared_server(), pool_mode::session);
    soci::session session = connect_through(pool);
    declare_session_pooler(session);
    declare_session_pooler(session); // once more does nothing
    EXPECT_EQ(end_of_a_try(session, 1), "acquired");
    session.reconnect();
    EXPECT_EQ(end_of_a_try(session, 1), "refused");
    declare_session_pooler(session);
    EXPECT_EQ(end_of_a_try(session, 1), "acquired");
}

TEST_F(pooler, a_declaration_on_a_direct_connection_does_nothing) {
    declare_session_pooler(a_);
    EXPECT_EQ(end_of_a_try(a_, 1), "acquired");
}

TEST_F(pooler, a_full_pool_in_session_mode_is_accepted) {
    for (const int size : {1, 2}) {
        const pgbouncer pool(shared_server(), pool_mode::session,
                             {{"default_pool_size", std::to_string(size)}});
        std::vector<soci::session> sessions(static_cast<std::size_t>(size));
        for (auto& session : sessions) {
            session.open(soci::postgresql, pool.conninfo());
            session << "select 1"; // from now on it has a backend
        }
        std::vector<std::jthread> at_once;
        std::vector<std::string> ends(sessions.size());
        for (std::size_t i = 0; i < sessions.size(); ++i) {
            at_once.emplace_back([&, i] { ends[i] = end_of_a_declaration(sessions[i]); });
        }
        at_once.clear();
        for (const auto& end : ends) {
            EXPECT_EQ(end, "accepted") << size;
        }
    }
}

TEST_F(pooler, small_pools_of_busy_clients_in_transaction_mode_are_refused) {
    for (const int size : {1, 2, 3}) {
        for (const char* round_robin : {"0", "1"}) {
            const pgbouncer pool(
                shared_server(), pool_mode::transaction,
                {{"default_pool_size", std::to_string(size)}, {"server_round_robin", round_robin}});
            const busy_clients clients(pool.conninfo(), pool_mode::transaction, 4);
            for (int i = 0; i < 10; ++i) {
                soci::session session = connect_through(pool);
                EXPECT_THROW(declare_session_pooler(session), refused) << size << ' ' << round_robin;
                EXPECT_EQ(end_of_a_try(session, 1), "refused");
            }
        }
    }
}

TEST_F(pooler, idle_pools_in_transaction_mode_are_refused_whatever_backend_is_next) {
    for (const char* round_robin : {"0", "1"}) {
        for (const int idle : {1, 2, 3, 8}) {
            const pgbouncer pool(shared_server(), pool_mode::transaction,
                                 {{"server_round_robin", round_robin}});
            { // so many backends, idle
                std::vector<std::unique_ptr<observer>> clients;
                for (int i = 0; i < idle; ++i) {
                    clients.push_back(std::make_unique<observer>(pool.conninfo()));
                    clients.back()->exec("begin");
                }
                for (auto& client : clients) {
                    client->exec("commit");
                }
            }
            for (int i = 0; i < 10; ++i) {
                soci::session session = connect_through(pool);
                EXPECT_EQ(end_of_a_declaration(session), "refused") << round_robin << ' ' << idle;
            }
        }
    }
}

TEST_F(pooler, a_pool_that_does_not_reset_its_backends_is_refused) {
    const pgbouncer pool(shared_server(), pool_mode::session,
                         {{"default_pool_size", "2"}, {"server_reset_query", ""}});
    {
        soci::session first = connect_through(pool);
        declare_session_pooler(first);
    }
    soci::session second = connect_through(pool);
    try {
        declare_session_pooler(second);
        // It was given the other backend; then it is given the first one.
        soci::session third = connect_through(pool);
        declare_session_pooler(third);
        FAIL() << "a backend that still has the locks of the client before";
    } catch (const refused& error) {
        EXPECT_NE(error.advice().find("server_reset_query = DISCARD ALL"), std::string::npos) << error.what();
    }
}

TEST_F(pooler, a_pooler_that_does_not_answer_is_refused_in_time) {
    const pgbouncer pool(shared_server(), pool_mode::session);
    soci::session session = connect_through(pool);
    session << "select 1";
    ::kill(pool.process_id(), SIGSTOP);
    const auto begin = std::chrono::steady_clock::now();
    auto declared = in_background([&] {
        try {
            declare_session_pooler(session, 300ms);
            return std::string("accepted");
        } catch (const lock_error& error) {
            return std::string(error.what());
        }
    });
    const bool in_time = declared.ended(3s);
    ::kill(pool.process_id(), SIGCONT);
    EXPECT_TRUE(in_time) << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()
                         << " s";
    EXPECT_NE(declared.result(), "accepted");
}

TEST_F(pooler, a_probe_goes_to_the_pooler_that_the_session_has_found) {
    // Of two hosts the first is not there: the session and its probe have the second.
    const pgbouncer pool(shared_server(), pool_mode::session);
    const std::string there = pool.conninfo();
    soci::session session(soci::postgresql, there);
    const std::string host = PQhost(libpq(session));
    const std::string port = PQport(libpq(session));
    soci::session either(soci::postgresql, there + " host=/nonexistent," + host + " port=1," + port);
    EXPECT_NO_THROW(declare_session_pooler(either));
    EXPECT_TRUE(try_advisory_lock(either, 1).owns_lock());
}

/// Transaction scope, through transaction mode.
class transaction_pooler : public pooler {
protected:
    pgbouncer pool_{shared_server(), pool_mode::transaction, {{"default_pool_size", "4"}}};
};

TEST_F(transaction_pooler, a_transaction_lock_excludes_and_is_excluded) {
    soci::session first = connect_through(pool_);
    soci::session second = connect_through(pool_);
    {
        transaction tx(first);
        const transaction_advisory_lock lock(tx, 1);
        EXPECT_FALSE(try_advisory_lock(b_, 1).owns_lock()) << "a direct session lock";
        {
            transaction other(second);
            EXPECT_FALSE(try_transaction_advisory_lock(other, 1).owns_lock()) << "another client's";
        }
        {
            transaction other(b_);
            EXPECT_FALSE(try_transaction_advisory_lock(other, 1).owns_lock()) << "a direct client's";
        }
        tx.commit();
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
    const advisory_lock direct(b_, 1);
    transaction tx(first);
    EXPECT_FALSE(try_transaction_advisory_lock(tx, 1).owns_lock());
    EXPECT_FALSE(timed_transaction_advisory_lock(tx, 1, 30ms).owns_lock());
    EXPECT_TRUE(try_transaction_advisory_lock(tx, 2).owns_lock());
}

TEST_F(transaction_pooler, transaction_locks_keep_many_clients_apart) {
    constexpr int clients = 4;
    constexpr int turns = 60;
    query(b_,
          "create table if not exists counter (n integer); truncate counter; insert into counter values (0)");
    std::atomic<int> inside = 0;
    std::atomic<int> overlaps = 0;
    std::mutex mutex;
    std::vector<std::string> errors;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2 * clients; ++i) {
        threads.emplace_back([&, pooled = i % 2 == 0] {
            try {
                soci::session session(soci::postgresql, pooled ? pool_.conninfo() : conninfo());
                for (int turn = 0; turn < turns; ++turn) {
                    transaction tx(session);
                    const transaction_advisory_lock lock(tx, "counter");
                    overlaps += inside++ > 0 ? 1 : 0;
                    const int n = std::stoi(query(session, "select n from counter"));
                    query(session, "select pg_sleep(0.0002)");
                    query(session, "update counter set n = " + std::to_string(n + 1));
                    --inside;
                    tx.commit();
                }
            } catch (const std::exception& error) {
                const std::lock_guard guard(mutex);
                errors.emplace_back(error.what());
            }
        });
    }
    threads.clear();
    for (const auto& error : errors) {
        ADD_FAILURE() << error;
    }
    EXPECT_EQ(overlaps, 0);
    EXPECT_EQ(query(b_, "select n from counter"), std::to_string(2 * clients * turns));
    query(b_, "drop table counter");
}

TEST_F(pooler, statement_mode_has_no_transaction_for_a_transaction_lock) {
    const pgbouncer pool(shared_server(), pool_mode::statement);
    soci::session session = connect_through(pool);
    EXPECT_THROW(const transaction tx(session), soci::soci_error);
}

/// A pooler that goes over to transaction mode while a declared session holds a lock.
class reloaded_pooler : public pooler {
protected:
    void SetUp() override {
        pooler::SetUp();
        declare_session_pooler(holder_);
        lock_.emplace(holder_, 1);
        backend_ = lock_->backend_pid();
        ASSERT_EQ(owners(1), std::vector{backend_});
        pool_.reload(pool_mode::transaction);
    }

    /// Leads the holder's next statement to another backend: its own one is in another client's transaction.
    void take_backend_away() {
        thief_.emplace(pool_.conninfo());
        ASSERT_TRUE(eventually([&] {
            holder_ << "select 1"; // gives its backend to the pool
            thief_->exec("begin");
            if (thief_->value("select pg_backend_pid()") == std::to_string(backend_)) {
                return true;
            }
            thief_->exec("rollback");
            return false;
        }));
    }

    /// The server holds the lock, whoever asks.
    void expect_excluded() {
        EXPECT_EQ(owners(1), std::vector{backend_});
        EXPECT_FALSE(try_advisory_lock(b_, 1).owns_lock());
    }

    void expect_switched(const connection_lost& error) {
        EXPECT_NE(std::string(error.what()).find("the pooler has switched the backend"), std::string::npos)
            << error.what();
        EXPECT_NE(error.advice().find("scope::transaction"), std::string::npos) << error.what();
        EXPECT_TRUE(error.key().has_value());
    }

    void expect_told_of_switch() {
        const auto messages = failures_.take();
        ASSERT_EQ(messages.size(), 1U);
        EXPECT_NE(messages.at(0).find("the pooler has switched the backend"), std::string::npos)
            << messages.at(0);
        EXPECT_NE(messages.at(0).find("lock key 1 "), std::string::npos) << messages.at(0);
    }

    pgbouncer pool_{shared_server(), pool_mode::session, {{"default_pool_size", "3"}}};
    soci::session holder_{soci::postgresql, pool_.conninfo()};
    std::optional<advisory_lock> lock_;
    std::optional<observer> thief_;
    int backend_ = 0;
};

TEST_F(reloaded_pooler, the_lock_is_held_and_can_be_released_as_long_as_its_backend_answers) {
    expect_excluded();
    EXPECT_TRUE(lock_->owns_lock());
    EXPECT_NO_THROW(lock_->unlock());
    EXPECT_TRUE(owners(1).empty());
}

TEST_F(reloaded_pooler, every_acquisition_on_another_backend_is_an_error) {
    take_backend_away();
    const std::vector<std::function<void()>> acquisitions{
        [&] { const advisory_lock lock(holder_, 2); }, [&] { const try_advisory_lock lock(holder_, 2); },
        [&] { const timed_advisory_lock lock(holder_, 2, 1s); },
        [&] { const polled_advisory_lock lock(holder_, 2); },
        [&] { const shared_advisory_lock lock(holder_, {2, 3}); }};
    expect_switched(error_of<connection_lost>(acquisitions.at(0)));
    EXPECT_FALSE(lock_->owns_lock());
    EXPECT_TRUE(lock_->lost());
    for (const auto& acquire : acquisitions) {
        EXPECT_THROW(acquire(), refused) << "it has to be declared again, which fails";
    }
    EXPECT_THROW(declare_session_pooler(holder_), refused);
    EXPECT_EQ(look_.advisory_locks().size(), 1U) << "the old backend's, which nobody can release";
    expect_excluded();
}

TEST_F(reloaded_pooler, each_way_of_waiting_notices_the_other_backend_first) {
    for (int way = 0; way < 5; ++way) {
        // A session for each way, as the first error ends a declaration.
        pgbouncer pool(shared_server(), pool_mode::session, {{"default_pool_size", "3"}});
        soci::session session = connect_through(pool);
        declare_session_pooler(session);
        const std::string own = query(session, "select pg_backend_pid()");
        pool.reload(pool_mode::transaction);
        query(session, "select 1");
        observer thief(pool.conninfo());
        ASSERT_TRUE(eventually([&] {
            thief.exec("begin");
            if (thief.value("select pg_backend_pid()") == own) {
                return true;
            }
            thief.exec("rollback");
            query(session, "select 1");
            return false;
        }));
        expect_switched(error_of<connection_lost>([&] {
            switch (way) {
            case 0:
                return void(advisory_lock(session, 7));
            case 1:
                return void(try_advisory_lock(session, 7));
            case 2:
                return void(timed_advisory_lock(session, 7, 1s));
            case 3:
                return void(polled_advisory_lock(session, 7));
            default:
                return void(advisory_lock(session, 7, std::stop_source().get_token()));
            }
        }));
        EXPECT_TRUE(owners(7).empty()) << way;
    }
}

TEST_F(reloaded_pooler, a_release_on_another_backend_is_told_as_a_loss) {
    take_backend_away();
    lock_->unlock();
    EXPECT_FALSE(lock_->owns_lock());
    EXPECT_TRUE(lock_->lost());
    expect_told_of_switch();
    expect_excluded();
}

TEST_F(reloaded_pooler, a_destructor_on_another_backend_reports_the_loss) {
    take_backend_away();
    lock_.reset();
    expect_told_of_switch();
    expect_excluded();
}

TEST_F(reloaded_pooler, a_clean_up_on_another_backend_is_told_as_a_loss) {
    advisory_lock again(holder_, 1); // held twice
    auto state = postgres::connection_state::of(libpq(holder_));
    state->holds().find(1, false)->uncertain = true; // as an error leaves it: the last release drains
    again.unlock();
    take_backend_away();
    lock_->unlock();
    EXPECT_TRUE(lock_->lost());
    expect_told_of_switch();
    expect_excluded();
}

TEST_F(reloaded_pooler, a_clean_up_on_the_own_backend_leaves_nothing_held) {
    advisory_lock again(holder_, 1);
    postgres::connection_state::of(libpq(holder_))->holds().find(1, false)->uncertain = true;
    again.unlock();
    lock_->unlock();
    EXPECT_FALSE(lock_->lost());
    EXPECT_TRUE(owners(1).empty());
    EXPECT_TRUE(failures_.take().empty());
}

TEST_F(reloaded_pooler, no_client_is_let_in_by_the_holders_backend) {
    // Its backend is in the pool now, and PostgreSQL's locks are re-entrant: whoever is given it has the
    // lock.
    int refusals = 0;
    for (int i = 0; i < 200; ++i) {
        soci::session client = connect_through(pool_);
        holder_ << "select 1"; // its backend is the next one that is given out
        try {
            transaction tx(client);
            ASSERT_FALSE(try_transaction_advisory_lock(tx, 1).owns_lock()) << "the holder has it";
        } catch (const refused& error) {
            ++refusals;
            EXPECT_NE(std::string(error.what()).find("marked as another session's"), std::string::npos)
                << error.what();
            EXPECT_NE(error.advice().find("server_reset_query"), std::string::npos) << error.what();
        }
        try {
            declare_session_pooler(client);
            ASSERT_FALSE(try_advisory_lock(client, 1).owns_lock()) << "the holder has it";
            ADD_FAILURE() << "the declaration was accepted in transaction mode";
        } catch (const refused&) { // as it should be
        }
    }
    EXPECT_GT(refusals, 0) << "nobody was given the holder's backend: the test saw nothing";
    expect_excluded();
}

TEST_F(reloaded_pooler, nothing_is_pretended_while_busy_clients_take_the_backends) {
    thief_.reset();
    const busy_clients clients(pool_.conninfo(), pool_mode::transaction, 4);
    int acquired = 0;
    bool told = false;
    while (!told && acquired < 1000) {
        try {
            const try_advisory_lock second(holder_, 2);
            ASSERT_TRUE(second.owns_lock());
            EXPECT_EQ(owners(2), std::vector{backend_}) << "what is said to be acquired its backend holds";
            ++acquired;
        } catch (const connection_lost& error) {
            expect_switched(error);
            told = true;
        }
        // The second lock may have been released on another backend, too.
        for (const auto& message : failures_.take()) {
            EXPECT_NE(message.find("the pooler has switched the backend"), std::string::npos) << message;
            told = true;
        }
    }
    EXPECT_TRUE(told) << "after " << acquired << " acquisitions";
    EXPECT_FALSE(lock_->owns_lock());
    expect_excluded();
}

} // namespace
} // namespace pglocks::test
