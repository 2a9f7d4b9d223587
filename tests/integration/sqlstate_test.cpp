// SPDX-License-Identifier: BSL-1.0
// Each SQLSTATE that a lock can meet with: it is told as what it is, the lock's state is true afterwards, and
// the session is usable or known to be dead. 25006 (a standby) is in failover_test.cpp.
#include "integration/lock_test.hpp"
#include "support/postgres_server.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr const char* name = "nightly-report";
const lock_key key = key_of(name);

/// One way to wait for the lock.
struct way {
    const char* description;
    bool in_transaction;
    bool bounded; ///< with a lock_timeout of its own
    void (*acquire)(soci::session&, soci::transaction*);
};

const std::stop_source never_stopped;

constexpr std::array ways{
    way{"block", false, false,
        [](soci::session& s, soci::transaction*) { const advisory_lock lock(s, name); }},
    way{"block, shared", false, false,
        [](soci::session& s, soci::transaction*) { const shared_advisory_lock lock(s, name); }},
    way{"block, in a transaction", true, false,
        [](soci::session& s, soci::transaction*) { const advisory_lock lock(s, name); }},
    way{"block, transaction scope", true, false,
        [](soci::session& s, soci::transaction* tx) { const transaction_advisory_lock lock(s, *tx, name); }},
    way{"stoppable", false, false,
        [](soci::session& s, soci::transaction*) {
            static_cast<void>(advisory_lock(s, name, never_stopped.get_token()));
        }},
    way{"stoppable, in a transaction", true, false,
        [](soci::session& s, soci::transaction*) {
            static_cast<void>(advisory_lock(s, name, never_stopped.get_token()));
        }},
    way{"stoppable, transaction scope", true, false,
        [](soci::session& s, soci::transaction* tx) {
            static_cast<void>(transaction_advisory_lock(s, *tx, name, never_stopped.get_token()));
        }},
    way{"timed", false, true,
        [](soci::session& s, soci::transaction*) { static_cast<void>(timed_advisory_lock(s, name, 1h)); }},
    way{"timed, in a transaction", true, true,
        [](soci::session& s, soci::transaction*) { static_cast<void>(timed_advisory_lock(s, name, 1h)); }},
    way{"timed, transaction scope", true, true,
        [](soci::session& s, soci::transaction* tx) {
            static_cast<void>(timed_transaction_advisory_lock(s, *tx, name, 1h));
        }},
};

/// Ways that ask for the lock without waiting.
constexpr std::array tries{
    way{"try", false, false,
        [](soci::session& s, soci::transaction*) { static_cast<void>(try_advisory_lock(s, name)); }},
    way{"try, in a transaction", true, false,
        [](soci::session& s, soci::transaction*) { static_cast<void>(try_advisory_lock(s, name)); }},
    way{"try, transaction scope", true, false,
        [](soci::session& s, soci::transaction* tx) {
            static_cast<void>(try_transaction_advisory_lock(s, *tx, name));
        }},
    way{"poll", false, true,
        [](soci::session& s, soci::transaction*) { const polled_advisory_lock lock(s, name); }},
};

[[nodiscard]] testing::AssertionResult says(const std::string& text, std::string_view part) {
    if (text.find(part) != std::string::npos) {
        return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << '"' << text << "\" does not say \"" << part << '"';
}

void is_described(const lock_error& error, const std::string& state, std::string_view message) {
    EXPECT_EQ(error.sqlstate(), state) << error.what();
    EXPECT_TRUE(says(error.message(), message));
    EXPECT_EQ(error.name(), name);
    EXPECT_EQ(error.key(), key);
    EXPECT_FALSE(error.advice().empty()) << error.what();
    for (const auto& part :
         {error.sqlstate(), error.advice(), std::string(message), std::string(name), to_sql(key)}) {
        EXPECT_TRUE(says(error.what(), part));
    }
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
}

/// A server of the tests' own, which they may stop and crash.
class sqlstate : public testing::Test {
protected:
    static void SetUpTestSuite() { server = new postgres_server({{"max_prepared_transactions", "2"}}); }
    static void TearDownTestSuite() { delete std::exchange(server, nullptr); }

    void SetUp() override {
        server->start();
        look_.emplace(server->conninfo());
        holder_ = connect();
        ASSERT_TRUE(nothing_left()) << "of the test before";
    }
    void TearDown() override {
        for (const auto& message : failures_.take()) {
            ADD_FAILURE() << "a release failed: " << message;
        }
    }

    [[nodiscard]] static std::unique_ptr<soci::session> connect(const std::string& settings = "") {
        auto session = std::make_unique<soci::session>(soci::postgresql, server->conninfo());
        if (!settings.empty()) {
            query(*session, settings);
        }
        return session;
    }

    template <class Function>
    [[nodiscard]] static auto in_background(Function function) {
        return background(server->conninfo(), std::move(function));
    }

    [[nodiscard]] std::size_t waiting() { return look_->waiters(key.bits()).size(); }
    [[nodiscard]] std::vector<int> owners(lock_key of = key) {
        std::vector<int> all;
        for (const auto& row : look_->holders(of.bits())) {
            all.push_back(row.pid.value_or(0));
        }
        return all;
    }
    [[nodiscard]] bool nothing_left() {
        return eventually([&] { return look_->advisory_locks().empty(); });
    }
    [[nodiscard]] bool ended(int backend) {
        return eventually([&] {
            return look_->value("select count(*) from pg_stat_activity where pid = " +
                                std::to_string(backend)) == "0";
        });
    }
    void terminate(int backend) {
        look_->exec("select pg_terminate_backend(" + std::to_string(backend) + ")");
        ASSERT_TRUE(ended(backend));
    }

    /// The next acquisition says that the connection is lost, and after a reconnect the session is as good as
    /// new.
    static void is_known_to_be_dead(soci::session& session) {
        EXPECT_THROW(static_cast<void>(try_advisory_lock(session, "next")), connection_lost);
        server->start();
        session.reconnect();
        const try_advisory_lock lock(session, "next");
        EXPECT_TRUE(lock.owns_lock());
    }

    /// What happens to a session that waits for the lock which another one holds.
    ///
    /// \param before statements that the session runs first
    /// \param trigger called with its backend's process ID when it waits
    template <class Error, class Trigger>
    Error error_of_wait(const way& w, soci::session& session, soci::transaction* tx, Trigger trigger) {
        const auto backend = pid(session);
        auto error = in_background([&] { return error_of<Error>([&] { w.acquire(session, tx); }); });
        EXPECT_TRUE(eventually([&] { return waiting() > 0; })) << w.description;
        trigger(backend);
        return error.result();
    }

    /// A wait that ends with an error and a session that is usable afterwards.
    template <class Error = lock_error, class Trigger>
    void is_survived(const way& w, const std::string& state, std::string_view message,
                     const std::string& settings, Trigger trigger) {
        SCOPED_TRACE(w.description);
        const auto session = connect(settings);
        const advisory_lock kept(*session, "kept");
        auto tx = w.in_transaction ? std::make_unique<soci::transaction>(*session) : nullptr;
        std::optional<advisory_lock> holder(std::in_place, *holder_, name);
        const Error error = error_of_wait<Error>(w, *session, tx.get(), trigger);
        is_described(error, state, message);
        EXPECT_EQ(waiting(), 0U);
        EXPECT_EQ(owners(), pids(*holder_));
        EXPECT_TRUE(kept.owns_lock());
        holder.reset();
        if (tx) {
            const bool failed = PQtransactionStatus(libpq(*session)) == PQTRANS_INERROR;
            EXPECT_EQ(failed, error.advice().find("roll") != std::string::npos) << error.advice();
            tx->rollback();
        }
        EXPECT_EQ(PQtransactionStatus(libpq(*session)), PQTRANS_IDLE);
        EXPECT_TRUE(release_pending(*session));
        EXPECT_TRUE(owners().empty()) << "a failed wait leaves nothing";
        EXPECT_EQ(owners(key_of("kept")), pids(*session));
        tx = w.in_transaction ? std::make_unique<soci::transaction>(*session) : nullptr;
        EXPECT_NO_THROW(w.acquire(*session, tx.get()));
    }

    /// A wait that ends with its connection.
    template <class Trigger>
    void is_lost(const way& w, const std::string& state, std::string_view message, Trigger trigger) {
        SCOPED_TRACE(w.description);
        const auto session = connect();
        advisory_lock kept(*session, "kept");
        auto tx = w.in_transaction ? std::make_unique<soci::transaction>(*session) : nullptr;
        {
            const advisory_lock holder(*holder_, name);
            is_described(error_of_wait<connection_lost>(w, *session, tx.get(), trigger), state, message);
            EXPECT_EQ(waiting(), 0U);
            EXPECT_EQ(owners(), pids(*holder_));
        }
        EXPECT_FALSE(kept.owns_lock());
        EXPECT_TRUE(kept.lost());
        EXPECT_NO_THROW(kept.unlock());
        EXPECT_THROW(kept.lock(), connection_lost);
        tx.reset();
        is_known_to_be_dead(*session);
    }

    static inline postgres_server* server = nullptr;
    captured_release_failures failures_;
    std::optional<observer> look_;
    std::unique_ptr<soci::session> holder_;
};

constexpr auto nothing = [](int) {};

TEST_F(sqlstate, query_canceled_57014_by_statement_timeout) {
    for (const auto& w : ways) {
        is_survived(w, "57014", "statement timeout", "set statement_timeout = 200", nothing);
    }
}

TEST_F(sqlstate, query_canceled_57014_by_pg_cancel_backend) {
    for (const auto& w : ways) {
        is_survived(w, "57014", "user request", "", [&](int backend) {
            look_->exec("select pg_cancel_backend(" + std::to_string(backend) + ")");
        });
    }
}

TEST_F(sqlstate, lock_not_available_55P03_by_the_sessions_own_lock_timeout) {
    for (const auto& w : ways) {
        if (!w.bounded) {
            is_survived(w, "55P03", "lock timeout", "set lock_timeout = 100", nothing);
        }
    }
}

TEST_F(sqlstate, deadlock_detected_40P01) {
    for (const auto& w : ways) {
        SCOPED_TRACE(w.description);
        const auto victim = connect("set deadlock_timeout = 50"); // it looks first
        const auto survivor = connect("set deadlock_timeout = '1h'");
        std::optional<advisory_lock> wanted(std::in_place, *victim, "wanted");
        const advisory_lock holder(*survivor, name);
        auto crossing = in_background([&] { return advisory_lock(*survivor, "wanted").owns_lock(); });
        ASSERT_TRUE(eventually([&] { return !look_->waiters(key_of("wanted").bits()).empty(); }));
        auto tx = w.in_transaction ? std::make_unique<soci::transaction>(*victim) : nullptr;
        const auto error = error_of<deadlock_detected>([&] { w.acquire(*victim, tx.get()); });
        is_described(error, "40P01", "deadlock detected");
        EXPECT_TRUE(says(error.detail(), "waits for"));
        EXPECT_TRUE(wanted->owns_lock());
        EXPECT_FALSE(crossing.ended()) << "the victim still holds what the survivor waits for";
        tx.reset();
        EXPECT_EQ(query(*victim, "select 1"), "1");
        wanted.reset();
        EXPECT_TRUE(crossing.result());
    }
}

TEST_F(sqlstate, admin_shutdown_57P01_by_pg_terminate_backend) {
    for (const auto& w : ways) {
        is_lost(w, "57P01", "administrator command", [&](int backend) { terminate(backend); });
    }
}

/// Waits in all ways at once, until the server ends them.
class end_of_the_server : public sqlstate {
protected:
    struct wait {
        const way* how = nullptr;
        std::unique_ptr<soci::session> session = connect();
        std::string warning; ///< the SQLSTATE of the last one
        std::unique_ptr<soci::transaction> tx = nullptr;
        std::unique_ptr<background<connection_lost>> error = nullptr;
    };

    /// \param warning the SQLSTATE that the server says in a warning, which is no answer
    template <class End>
    void is_told_to_all(const std::string& state, std::string_view message, const std::string& warning,
                        End end) {
        const advisory_lock holder(*holder_, name);
        PQsetNoticeProcessor(libpq(*holder_), [](void*, const char*) {}, nullptr);
        std::vector<wait> waits(ways.size());
        for (std::size_t i = 0; i < ways.size(); ++i) {
            auto& w = waits[i];
            w.how = &ways.at(i);
            w.tx = w.how->in_transaction ? std::make_unique<soci::transaction>(*w.session) : nullptr;
            PQsetNoticeReceiver(libpq(*w.session), &keep_warning, &w.warning);
            w.error = std::make_unique<background<connection_lost>>(server->conninfo(), [&w] {
                return error_of<connection_lost>([&] { w.how->acquire(*w.session, w.tx.get()); });
            });
        }
        ASSERT_TRUE(eventually([&] { return waiting() == ways.size(); }));
        end();
        for (auto& w : waits) {
            SCOPED_TRACE(w.how->description);
            is_described(w.error->result(), state, message);
            EXPECT_EQ(w.warning, warning);
            w.tx.reset();
            is_known_to_be_dead(*w.session);
        }
        EXPECT_TRUE(holder.lost());
    }

private:
    static void keep_warning(void* warning, const PGresult* notice) {
        *static_cast<std::string*>(warning) = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    }
};

TEST_F(end_of_the_server, admin_shutdown_57P01_by_a_fast_shutdown) {
    is_told_to_all("57P01", "administrator command", "", [] { server->stop(); });
}

TEST_F(end_of_the_server, connection_failure_08006_by_an_immediate_shutdown_which_is_said_in_a_warning) {
    is_told_to_all("08006", "", "57P01", [] { server->stop(postgres_server::shutdown::immediate); });
}

TEST_F(end_of_the_server, connection_failure_08006_by_a_crash) {
    is_told_to_all("08006", "", "", [] { server->crash(); });
}

TEST_F(end_of_the_server, connection_failure_08006_by_a_crash_shutdown_57P02_which_is_said_in_a_warning) {
    const auto victim = connect();
    is_told_to_all("08006", "", "57P02", [&] {
        ASSERT_EQ(::kill(pid(*victim), SIGKILL), 0);
        // It ends all other backends, and starts again by itself.
        ASSERT_TRUE(eventually([&] { return PQping(server->conninfo().c_str()) != PQPING_OK; }));
        ASSERT_TRUE(eventually([&] { return PQping(server->conninfo().c_str()) == PQPING_OK; }));
    });
}

TEST_F(sqlstate, cannot_connect_now_57P03_on_reconnect_leaves_the_lock_lost_and_the_session_closed) {
    auto session = connect();
    advisory_lock lock(*session, name);
    ASSERT_EQ(::kill(server->process_id(), SIGTERM), 0); // a smart shutdown: no new connections
    ASSERT_TRUE(eventually([&] { return PQping(server->conninfo().c_str()) == PQPING_REJECT; }));
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_FALSE(lock.lost());
    EXPECT_EQ(owners(), pids(*session));
    try {
        session->reconnect();
        ADD_FAILURE() << "a server that is shutting down lets nobody in";
    } catch (const soci::soci_error& error) {
        EXPECT_TRUE(says(error.what(), "shutting down"));
    }
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.lost());
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_THROW(lock.lock(), lock_error);
    EXPECT_FALSE(lock.owns_lock());
    look_.reset();
    holder_.reset();
    session.reset();
    EXPECT_TRUE(eventually([] { return !server->running(); }));
}

TEST_F(sqlstate, idle_session_timeout_57P05_is_a_loss_that_the_next_lock_is_told) {
    const auto session = connect();
    query(*session, "set idle_session_timeout = 100");
    advisory_lock lock(*session, "kept");
    EXPECT_TRUE(eventually([&] { return lock.lost(); }));
    is_described(error_of<connection_lost>([&] { const advisory_lock next(*session, name); }), "57P05",
                 "idle-session timeout");
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_NO_THROW(lock.unlock());
    is_known_to_be_dead(*session);
}

TEST_F(sqlstate, idle_in_transaction_session_timeout_25P03_is_a_loss_that_the_next_lock_is_told) {
    const auto session = connect("set idle_in_transaction_session_timeout = 100");
    advisory_lock kept(*session, "kept");
    auto tx = std::make_unique<pglocks::transaction>(*session);
    const transaction_advisory_lock lock(*tx, "within");
    EXPECT_TRUE(eventually([&] { return kept.lost(); }));
    EXPECT_TRUE(owners(key_of("within")).empty());
    is_described(error_of<connection_lost>([&] { const transaction_advisory_lock next(*tx, name); }), "25P03",
                 "idle-in-transaction timeout");
    EXPECT_FALSE(kept.owns_lock());
    EXPECT_THROW(tx->commit(), soci::soci_error)
        << "what ends the transaction lock's protection is told by the commit";
    tx.reset();
    is_known_to_be_dead(*session);
}

TEST_F(sqlstate, no_active_transaction_25P01_and_failed_transaction_25P02_are_refused) {
    const auto session = connect();
    auto tx = std::make_unique<pglocks::transaction>(*session);
    EXPECT_THROW(query(*session, "select 1 / 0"), sql_error);
    for (const auto& some :
         {std::vector(ways.begin(), ways.end()), std::vector(tries.begin(), tries.end())}) {
        for (const auto& w : some) {
            SCOPED_TRACE(w.description);
            is_described(error_of<refused>([&] { w.acquire(*session, tx.get()); }), "25P02", "");
        }
    }
    tx->rollback();
    is_described(error_of<refused>([&] { const transaction_advisory_lock lock(*tx, name); }), "25P01", "");
    const try_advisory_lock lock(*session, name);
    EXPECT_EQ(owners(), pids(*session));
}

/// A role that may not call the functions of advisory locks, or not the one that unlocks.
class insufficient_privilege_42501 : public sqlstate {
protected:
    void SetUp() override {
        sqlstate::SetUp();
        look_->exec("drop role if exists guest; create role guest login");
    }
    void TearDown() override {
        permit("grant", "to", "");
        sqlstate::TearDown();
    }

    void permit(const std::string& what, const std::string& whom, const std::string& which) {
        const auto functions = look_->value("select string_agg(oid::regprocedure::text, ', ') from pg_proc "
                                            "where proname ~ 'pg_.*advisory_.*" +
                                            which + "'");
        look_->exec(what + " execute on function " + functions + ' ' + whom + " public");
    }

    [[nodiscard]] static std::unique_ptr<soci::session> connect_as_guest() {
        return std::make_unique<soci::session>(soci::postgresql, server->conninfo() + " user=guest");
    }
};

TEST_F(insufficient_privilege_42501, to_lock) {
    permit("revoke", "from", "");
    const auto session = connect_as_guest();
    for (const auto& some :
         {std::vector(ways.begin(), ways.end()), std::vector(tries.begin(), tries.end())}) {
        for (const auto& w : some) {
            SCOPED_TRACE(w.description);
            auto tx = w.in_transaction ? std::make_unique<soci::transaction>(*session) : nullptr;
            is_described(error_of<lock_error>([&] { w.acquire(*session, tx.get()); }), "42501",
                         "permission denied");
            if (tx) {
                tx->rollback();
            }
            EXPECT_EQ(query(*session, "select 1"), "1");
            EXPECT_TRUE(look_->advisory_locks().empty());
        }
    }
}

TEST_F(insufficient_privilege_42501, to_unlock_is_reported_and_the_release_is_pending_until_it_is_granted) {
    const auto session = connect_as_guest();
    advisory_lock lock(*session, "nightly-report"_lock);
    permit("revoke", "from", "unlock");
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.pending());
    EXPECT_EQ(owners(), pids(*session));
    const auto messages = failures_.take();
    ASSERT_EQ(messages.size(), 1U);
    for (const char* part : {"42501", "permission denied", name}) {
        EXPECT_TRUE(says(messages[0], part));
    }
    EXPECT_EQ(query(*session, "select 1"), "1");
    EXPECT_TRUE(failures_.take().empty()) << "it is not tried again after each statement of the user's";
    permit("grant", "to", "unlock");
    EXPECT_TRUE(release_pending(*session));
    EXPECT_FALSE(lock.pending());
    EXPECT_TRUE(owners().empty());
}

TEST_F(sqlstate, out_of_shared_memory_53200_in_every_way) {
    const postgres_server small({{"max_locks_per_transaction", "10"},
                                 {"max_connections", "5"},
                                 {"max_wal_senders", "0"},
                                 {"autovacuum", "off"},
                                 {"max_worker_processes", "0"}});
    soci::session greedy(soci::postgresql, small.conninfo());
    soci::session session(soci::postgresql, small.conninfo());
    const try_advisory_lock asks_what_server_it_is(session, "first");
    query(session, "select 1 / 1"); // its catalogue entries are looked up while there is room
    std::vector<advisory_lock> taken;
    EXPECT_THROW(for (int i = 1; i < 100000; ++i) { taken.emplace_back(greedy, i); }, lock_table_full);
    for (const auto& some :
         {std::vector(ways.begin(), ways.end()), std::vector(tries.begin(), tries.end())}) {
        for (const auto& w : some) {
            SCOPED_TRACE(w.description);
            auto tx = w.in_transaction ? std::make_unique<soci::transaction>(session) : nullptr;
            is_described(error_of<lock_table_full>([&] { w.acquire(session, tx.get()); }), "53200",
                         "out of shared memory");
            tx.reset();
            EXPECT_EQ(query(session, "select 1"), "1");
        }
    }
    taken.clear();
    const advisory_lock lock(session, name);
    EXPECT_TRUE(lock.owns_lock());
}

/// A read-only, deferrable, serializable session: each of its statements waits for a safe snapshot, a try and
/// an unlock, too.
class each_statement_waits : public sqlstate {
protected:
    void SetUp() override {
        sqlstate::SetUp();
        look_->exec("create table if not exists t (n integer)");
        query(*holder_, "begin isolation level serializable");
        query(*holder_, "insert into t values (1)");
        const try_advisory_lock asks_what_server_it_is(*session_, "first");
    }
    void TearDown() override {
        sqlstate::TearDown();
        session_.reset();
        holder_.reset();
    }

    void begin_to_wait(const std::string& timeout) {
        query(
            *session_,
            "set statement_timeout = " + timeout +
                "; set default_transaction_isolation = serializable; set default_transaction_read_only = on; "
                "set default_transaction_deferrable = on");
    }

    std::unique_ptr<soci::session> session_ = connect();
};

TEST_F(each_statement_waits, query_canceled_57014_of_a_try) {
    begin_to_wait("100");
    for (const auto& w : {tries[0], tries[3]}) {
        SCOPED_TRACE(w.description);
        is_described(error_of<lock_error>([&] { w.acquire(*session_, nullptr); }), "57014",
                     "statement timeout");
    }
    query(*holder_, "rollback");
    EXPECT_TRUE(release_pending(*session_));
    EXPECT_TRUE(owners().empty());
    const try_advisory_lock lock(*session_, name);
    EXPECT_TRUE(lock.owns_lock());
    failures_.take(); // the clean-up was cancelled as well
}

TEST_F(each_statement_waits, a_bounded_try_ends_in_time_and_holds_nothing) {
    session_preset{.patience = 200ms}.apply(*session_);
    begin_to_wait("0");
    auto is_lost = in_background([&] {
        try {
            EXPECT_FALSE(timed_advisory_lock(*session_, name, 100ms).owns_lock());
            return false;
        } catch (const connection_lost&) { // what a cancel has left cannot be cleaned up in time
            return true;
        }
    });
    ASSERT_TRUE(is_lost.ended(lateness));
    query(*holder_, "rollback");
    if (is_lost.result()) {
        is_known_to_be_dead(*session_);
    } else {
        EXPECT_EQ(query(*session_, "select 1"), "1");
        EXPECT_TRUE(release_pending(*session_));
    }
    EXPECT_TRUE(eventually([&] { return owners().empty(); }));
}

TEST_F(each_statement_waits, query_canceled_57014_of_an_unlock_leaves_the_release_pending) {
    advisory_lock lock(*session_, "nightly-report"_lock);
    begin_to_wait("30");
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.pending());
    EXPECT_EQ(owners(), pids(*session_));
    const auto messages = failures_.take();
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_TRUE(says(messages[0], "57014"));
    EXPECT_TRUE(says(messages[0], name));
    query(*holder_, "rollback");
    EXPECT_TRUE(release_pending(*session_));
    EXPECT_TRUE(owners().empty());
}

TEST_F(sqlstate, of_a_connection_that_ended_unnoticed_is_no_error_of_a_release) {
    for (const bool in_transaction : {false, true}) {
        const auto session = connect();
        auto destroyed = std::make_unique<advisory_lock>(*session, "destroyed");
        advisory_lock lock(*session, name);
        auto tx = in_transaction ? std::make_unique<soci::transaction>(*session) : nullptr;
        terminate(pid(*session));
        EXPECT_NO_THROW(lock.unlock());
        destroyed.reset();
        EXPECT_FALSE(lock.owns_lock());
        tx.reset();
        is_known_to_be_dead(*session);
        EXPECT_FALSE(lock.pending());
    }
}

TEST_F(sqlstate, feature_not_supported_0A000_of_the_users_prepare_transaction_leaves_the_state_true) {
    const auto session = connect();
    advisory_lock lock(*session, name);
    {
        pglocks::transaction tx(*session);
        const transaction_advisory_lock too(tx, name);
        try {
            query(*session, "prepare transaction 'both'");
            ADD_FAILURE() << "PostgreSQL prepares no transaction with both kinds of lock on one key";
        } catch (const sql_error& error) {
            EXPECT_EQ(error.sqlstate(), "0A000");
        }
        EXPECT_EQ(PQtransactionStatus(libpq(*session)), PQTRANS_IDLE) << "it was rolled back";
    }
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(owners(), pids(*session));
    lock.unlock();
    EXPECT_TRUE(owners().empty());
}

TEST_F(sqlstate, a_prepared_transaction_keeps_its_locks_and_sends_pending_releases) {
    const auto session = connect();
    advisory_lock lock(*session, "session");
    {
        pglocks::transaction tx(*session);
        const transaction_advisory_lock within(tx, name);
        lock.unlock();
        EXPECT_TRUE(lock.pending());
        query(*session, "prepare transaction 'kept'");
    }
    EXPECT_FALSE(lock.pending());
    EXPECT_TRUE(owners(key_of("session")).empty());
    EXPECT_EQ(owners(), std::vector<int>{0}) << "it belongs to no backend";
    EXPECT_FALSE(try_advisory_lock(*session, name).owns_lock());
    query(*session, "rollback prepared 'kept'");
    EXPECT_TRUE(try_advisory_lock(*session, name).owns_lock());
}

TEST_F(sqlstate, serialization_failure_40001_of_the_users_statement_leaves_the_state_true) {
    look_->exec(
        "drop table if exists counter; create table counter (n integer); insert into counter values (0)");
    const auto session = connect();
    std::optional<advisory_lock> kept(std::in_place, *session, "kept");
    {
        soci::transaction tx(*session);
        query(*session, "set transaction isolation level repeatable read");
        const transaction_advisory_lock lock(*session, tx, name); // takes the snapshot
        look_->exec("update counter set n = 1");
        try {
            query(*session, "update counter set n = n + 1");
            ADD_FAILURE() << "the snapshot was taken by the lock";
        } catch (const sql_error& error) {
            EXPECT_EQ(error.sqlstate(), "40001");
        }
        kept->unlock();
        EXPECT_TRUE(kept->pending());
        tx.rollback();
    }
    EXPECT_FALSE(kept->pending());
    EXPECT_TRUE(look_->advisory_locks().empty());
    EXPECT_TRUE(try_advisory_lock(*session, name).owns_lock());
}

TEST_F(sqlstate, active_sql_transaction_25001_of_the_users_set_transaction_leaves_the_state_true) {
    const auto session = connect();
    const advisory_lock kept(*session, "kept");
    {
        pglocks::transaction tx(*session);
        const transaction_advisory_lock lock(tx, name);
        try {
            query(*session, "set transaction isolation level serializable");
            ADD_FAILURE() << "it comes after a query";
        } catch (const sql_error& error) {
            EXPECT_EQ(error.sqlstate(), "25001");
        }
        tx.rollback();
    }
    EXPECT_TRUE(owners().empty());
    EXPECT_TRUE(kept.owns_lock());
    EXPECT_EQ(owners(key_of("kept")), pids(*session));
}

TEST_F(sqlstate, a_read_only_transaction_takes_locks) {
    const auto session = connect("set default_transaction_read_only = on");
    const advisory_lock lock(*session, name);
    EXPECT_EQ(owners(), pids(*session));
}

} // namespace
} // namespace pglocks::test
