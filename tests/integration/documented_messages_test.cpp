// SPDX-License-Identifier: BSL-1.0
// docs/reference/messages.md shows each message as it is printed: the code that it shows as broken throws it,
// and the code that it shows as fixed throws nothing.
#include <pglocks/inspect.hpp>
#include <pglocks/loss_watcher.hpp>

#include "integration/lock_test.hpp"
#include "integration/silenced.hpp"
#include "support/pgbouncer.hpp"
#include "support/postgres_server.hpp"
#include "support/standby_server.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

namespace not_open {
//! [not open: broken]
void broken() {
    soci::session sql;
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [not open: broken]
//! [not open: fixed]
void fixed(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [not open: fixed]
} // namespace not_open

namespace null_name {
//! [null name: broken]
void broken(soci::session& sql) {
    const char* const job = std::getenv("NAME_OF_THE_JOB"); // null if it is not set
    const pglocks::advisory_lock lock(sql, job);
}
//! [null name: broken]
//! [null name: fixed]
void fixed(soci::session& sql) {
    const char* const job = std::getenv("NAME_OF_THE_JOB");
    const pglocks::advisory_lock lock(sql, job ? job : "nightly-report");
}
//! [null name: fixed]
} // namespace null_name

namespace unmapped_name {
//! [unmapped name: broken]
void broken(soci::session& sql, const std::string& bytes) { // "a\0b"
    const pglocks::advisory_lock lock(sql, bytes);
}
//! [unmapped name: broken]
//! [unmapped name: fixed]
void fixed(soci::session& sql, const std::string& bytes) {
    const pglocks::basic_advisory_lock<pglocks::hash::sha256> lock(sql, bytes);
}
//! [unmapped name: fixed]
} // namespace unmapped_name

namespace busy {
//! [busy: broken]
void broken(soci::session& sql, PGconn* connection) { // the session's own
    PQsendQuery(connection, "select generate_series(1, 1000)");
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [busy: broken]
//! [busy: fixed]
void fixed(soci::session& sql, PGconn* connection) {
    PQsendQuery(connection, "select generate_series(1, 1000)");
    while (PGresult* const rows = PQgetResult(connection)) { // to the end
        PQclear(rows);
    }
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [busy: fixed]
} // namespace busy

namespace no_transaction {
//! [no transaction: broken]
void broken(pglocks::transaction& tx) {
    tx.commit();
    const pglocks::transaction_advisory_lock lock(tx, "invoice:17");
}
//! [no transaction: broken]
//! [no transaction: fixed]
void fixed(pglocks::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(tx, "invoice:17");
    tx.commit();
}
//! [no transaction: fixed]
} // namespace no_transaction

namespace failed_transaction {
//! [failed transaction: broken]
void broken(soci::session& sql) {
    soci::transaction tx(sql);
    try {
        sql << "insert into no_such_table values (1)";
    } catch (const soci::soci_error&) { // goes on in the failed transaction
    }
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [failed transaction: broken]
//! [failed transaction: fixed]
void fixed(soci::session& sql) {
    soci::transaction tx(sql);
    try {
        sql << "insert into no_such_table values (1)";
    } catch (const soci::soci_error&) {
        tx.rollback();
    }
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [failed transaction: fixed]
} // namespace failed_transaction

namespace pooled {
//! [pooled: broken]
void broken(soci::session& sql) { // of PgBouncer in transaction mode
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [pooled: broken]
//! [pooled: fixed]
void fixed(soci::session& sql) {
    pglocks::transaction tx(sql);
    const pglocks::transaction_advisory_lock lock(tx, "nightly-report");
    tx.commit();
}
//! [pooled: fixed]
} // namespace pooled

namespace declared_late {
//! [declared late: broken]
void broken(soci::session& sql) {
    soci::transaction tx(sql);
    pglocks::declare_session_pooler(sql);
}
//! [declared late: broken]
//! [declared late: fixed]
void fixed(soci::session& sql) {
    pglocks::declare_session_pooler(sql);
    soci::transaction tx(sql);
}
//! [declared late: fixed]
} // namespace declared_late

namespace preset_late {
//! [preset late: broken]
void broken(soci::session& sql) {
    soci::transaction tx(sql);
    pglocks::session_preset().apply(sql);
}
//! [preset late: broken]
//! [preset late: fixed]
void fixed(soci::session& sql) {
    pglocks::session_preset().apply(sql);
    soci::transaction tx(sql);
}
//! [preset late: fixed]
} // namespace preset_late

namespace impossible_preset {
//! [impossible preset: broken]
std::string broken() { return pglocks::session_preset{.network_timeout = 1s}.conninfo("dbname=app"); }
//! [impossible preset: broken]
//! [impossible preset: fixed]
std::string fixed() { return pglocks::session_preset{.network_timeout = 3s}.conninfo("dbname=app"); }
//! [impossible preset: fixed]
} // namespace impossible_preset

namespace connection_string {
//! [connection string: broken]
std::string broken() { return pglocks::session_preset().conninfo("dbname"); }
//! [connection string: broken]
//! [connection string: fixed]
std::string fixed() { return pglocks::session_preset().conninfo("dbname=app"); }
//! [connection string: fixed]
} // namespace connection_string

namespace impatient_heartbeat {
//! [heartbeat: broken]
void broken(const pglocks::advisory_lock& lock) {
    pglocks::loss_watcher watcher;
    const pglocks::loss_watch watch = watcher.watch(lock, {.every = 0ms, .within = 500ms});
}
//! [heartbeat: broken]
//! [heartbeat: fixed]
void fixed(const pglocks::advisory_lock& lock) {
    pglocks::loss_watcher watcher;
    const pglocks::loss_watch watch = watcher.watch(lock, {.every = 1s, .within = 500ms});
}
//! [heartbeat: fixed]
} // namespace impatient_heartbeat

namespace lost_connection {
//! [lost: broken]
void broken(soci::session& sql) { // its backend has ended
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [lost: broken]
//! [lost: fixed]
void fixed(soci::session& sql) {
    try {
        const pglocks::advisory_lock lock(sql, "nightly-report");
    } catch (const pglocks::connection_lost&) {
        sql.reconnect(); // every lock that this session had is gone
        const pglocks::advisory_lock lock(sql, "nightly-report");
    }
}
//! [lost: fixed]
} // namespace lost_connection

namespace released_by_others {
//! [not held: broken]
void broken(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "nightly-report");
    sql << "select pg_advisory_unlock_all()";
    lock.unlock();
}
//! [not held: broken]
//! [not held: fixed]
void fixed(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "nightly-report");
    lock.unlock();
}
//! [not held: fixed]
} // namespace released_by_others

namespace own_lock_timeout {
//! [lock_timeout: broken]
void broken(soci::session& sql) { // somebody else has the lock
    sql << "set lock_timeout = '20ms'";
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [lock_timeout: broken]
//! [lock_timeout: fixed]
bool fixed(soci::session& sql) {
    const pglocks::timed_advisory_lock lock(sql, "nightly-report", 20ms);
    return lock.owns_lock();
}
//! [lock_timeout: fixed]
} // namespace own_lock_timeout

namespace in_one_order {
//! [deadlock: broken]
void broken(soci::session& sql, const std::string& from, const std::string& to) {
    const pglocks::advisory_lock first(sql, from);
    const pglocks::advisory_lock second(sql, to); // another thread goes from `to` to `from`
}
//! [deadlock: broken]
//! [deadlock: fixed]
void fixed(soci::session& sql, const std::string& from, const std::string& to) {
    const pglocks::advisory_lock_set<> both(sql, {from, to}); // sorted
}
//! [deadlock: fixed]
} // namespace in_one_order

namespace too_many {
//! [lock table: broken]
void broken(soci::session& sql, int last) {
    std::vector<pglocks::advisory_lock> locks;
    for (int row = 0; row < last; ++row) {
        locks.emplace_back(sql, pglocks::lock_key(17, row));
    }
}
//! [lock table: broken]
//! [lock table: fixed]
void fixed(soci::session& sql) {
    const pglocks::advisory_lock all_rows(sql, 17); // one lock that stands for all of them
}
//! [lock table: fixed]
} // namespace too_many

namespace not_owned {
//! [unlock: broken]
void broken(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "nightly-report", std::defer_lock);
    lock.unlock();
}
//! [unlock: broken]
//! [unlock: fixed]
void fixed(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "nightly-report", std::defer_lock);
    if (lock.try_lock()) {
        lock.unlock();
    }
}
//! [unlock: fixed]
} // namespace not_owned

namespace owned_already {
//! [owned already: broken]
void broken(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "nightly-report"); // has it now
    lock.lock();
}
//! [owned already: broken]
//! [owned already: fixed]
void fixed(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "nightly-report", std::defer_lock);
    lock.lock();
}
//! [owned already: fixed]
} // namespace owned_already

namespace no_session {
//! [no session: broken]
void broken() {
    pglocks::advisory_lock lock;
    lock.lock();
}
//! [no session: broken]
//! [no session: fixed]
void fixed(soci::session& sql) {
    pglocks::advisory_lock lock;
    lock = pglocks::advisory_lock(sql, "nightly-report");
}
//! [no session: fixed]
} // namespace no_session

namespace unwatchable {
//! [watch: broken]
void broken(pglocks::loss_watcher& watcher, soci::session& sql) {
    const pglocks::try_advisory_lock lock(sql, "nightly-report"); // somebody else has it
    const pglocks::loss_watch watch = watcher.watch(lock);
}
//! [watch: broken]
//! [watch: fixed]
void fixed(pglocks::loss_watcher& watcher, soci::session& sql) {
    if (const pglocks::try_advisory_lock lock(sql, "nightly-report"); lock) {
        const pglocks::loss_watch watch = watcher.watch(lock);
    }
}
//! [watch: fixed]
} // namespace unwatchable

namespace gives_up {
//! [gives up: broken]
struct three_tries {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = false;
    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline /*until*/) const {
        for (int i = 0; i < 3; ++i) {
            if (const auto result = lock.attempt(); result != pglocks::outcome::busy) {
                return result;
            }
        }
        return pglocks::outcome::busy;
    }
};
void broken(soci::session& sql) { // somebody else has the lock
    const pglocks::basic_advisory_lock<three_tries> lock(sql, "nightly-report");
}
//! [gives up: broken]
//! [gives up: fixed]
struct three_tries_then_queue {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;
    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        for (int i = 0; i < 3; ++i) {
            if (const auto result = lock.attempt(); result != pglocks::outcome::busy) {
                return result;
            }
        }
        return lock.queue(until);
    }
};
//! [gives up: fixed]
} // namespace gives_up

namespace other_backend {
//! [other backend: broken]
void broken() {
    soci::session sql("sqlite3", "dbname=:memory:");
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [other backend: broken]
//! [other backend: fixed]
void fixed(const std::string& connection) {
    soci::session sql("postgresql", connection); // or soci::postgresql
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [other backend: fixed]
} // namespace other_backend

namespace on_a_standby {
//! [standby: broken]
void broken(const std::string& connection) { // host=db2
    soci::session sql(soci::postgresql, connection);
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [standby: broken]
//! [standby: fixed]
void fixed(const std::string& connection) { // host=db2,db1
    soci::session sql(soci::postgresql, connection + " target_session_attrs=read-write");
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [standby: fixed]
} // namespace on_a_standby

namespace declared_wrongly {
//! [declared wrongly: broken]
void broken(soci::session& sql) { // of PgBouncer in transaction mode
    pglocks::declare_session_pooler(sql);
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [declared wrongly: broken]
//! [declared wrongly: fixed]
void fixed(const std::string& direct) { // the connection string of the server itself
    soci::session sql(soci::postgresql, direct);
    const pglocks::advisory_lock lock(sql, "nightly-report");
}
//! [declared wrongly: fixed]
} // namespace declared_wrongly

namespace no_answer_but_an_error {
//! [not acquired: broken]
bool broken(soci::session& sql) { // somebody else has it, as is to be expected
    const pglocks::try_advisory_lock lock(sql, "nightly-report");
    pglocks::require_acquired(sql, lock, "nightly-report");
    return true;
}
//! [not acquired: broken]
//! [not acquired: fixed]
bool fixed(soci::session& sql) {
    const pglocks::try_advisory_lock lock(sql, "nightly-report");
    return lock.owns_lock();
}
//! [not acquired: fixed]
} // namespace no_answer_but_an_error

namespace own_session {
//! [own session: broken]
pglocks::signal_result broken(soci::session& sql) {
    const pglocks::advisory_lock lock(sql, 1);
    return pglocks::terminate_backend(sql, pglocks::holders(sql, 1).at(0));
}
//! [own session: broken]
//! [own session: fixed]
void fixed(soci::session& sql) {
    pglocks::advisory_lock lock(sql, 1);
    lock.unlock();
}
//! [own session: fixed]
} // namespace own_session

namespace prepared {
//! [prepared: broken]
pglocks::signal_result broken(soci::session& sql) {
    return pglocks::terminate_backend(sql, pglocks::holders(sql, 7).at(0));
}
//! [prepared: broken]
//! [prepared: fixed]
void fixed(soci::session& sql) {
    if (pglocks::holders(sql, 7).at(0).prepared_transaction == "import") {
        sql << "rollback prepared 'import'"; // or commit
    }
}
//! [prepared: fixed]
} // namespace prepared

/// A message without what changes from one run to the next.
[[nodiscard]] std::string comparable(const std::string& message) {
    static const std::regex number("[0-9]+");
    return std::regex_replace(message, number, "0");
}

/// The messages that the page shows, and whether the library has thrown them.
class page_of_messages : public testing::Environment {
public:
    void SetUp() override {
        std::ifstream file(PGLOCKS_DOCS_DIR "/reference/messages.md");
        bool in_block = false;
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with("```")) {
                in_block = line == "```text";
            } else if (in_block) {
                shown_.emplace(comparable(line), false);
            }
        }
    }

    void TearDown() override {
        const auto& program = *testing::UnitTest::GetInstance();
        if (program.test_to_run_count() == program.total_test_count()) {
            for (const auto& [message, thrown] : shown_) {
                EXPECT_TRUE(thrown) << "the page shows what nothing throws:\n" << message;
            }
        }
    }

    void expect(const std::string& message) {
        const auto found = shown_.find(comparable(message));
        ASSERT_NE(found, shown_.end()) << "the page does not show:\n" << message;
        found->second = true;
    }

private:
    std::map<std::string, bool> shown_;
};

page_of_messages& page() {
    static auto* const environment = new page_of_messages; // gtest's
    return *environment;
}
[[maybe_unused]] const testing::Environment* const registered = testing::AddGlobalTestEnvironment(&page());

/// Expects that a function throws this, with a message that the page shows.
template <class Error, class Function>
void expect_shown(const Function& function) {
    page().expect(error_of<Error>(function).what());
}

/// A server of the tests' own: what it says does not depend on where they run.
class messages : public testing::Test {
protected:
    static void SetUpTestSuite() {
        own_server =
            std::make_unique<postgres_server>(postgres_server::settings{{"max_locks_per_transaction", "10"},
                                                                        {"max_connections", "12"},
                                                                        {"max_wal_senders", "0"},
                                                                        {"autovacuum", "off"},
                                                                        {"max_prepared_transactions", "1"},
                                                                        {"max_worker_processes", "0"}});
    }
    static void TearDownTestSuite() { own_server.reset(); }

    [[nodiscard]] static std::string conninfo(const std::string& database = "") {
        return own_server->conninfo(database);
    }

    void end_session(soci::session& session) {
        look_.exec("select pg_terminate_backend(" + std::to_string(pid(session)) + ")");
    }

    [[nodiscard]] bool queued(const std::string& name) {
        return eventually([&] { return !look_.waiters(key_of(name).bits()).empty(); });
    }

    template <class Function>
    [[nodiscard]] static auto in_background(Function function) {
        return background(conninfo(), std::move(function));
    }

    static inline std::unique_ptr<postgres_server> own_server;

    captured_release_failures failures_;
    observer look_{conninfo()};
    soci::session a_{soci::postgresql, conninfo()};
    soci::session b_{soci::postgresql, conninfo()};
};

TEST_F(messages, about_a_session_that_cannot_take_locks) {
    expect_shown<refused>([] { not_open::broken(); });
    EXPECT_NO_THROW(not_open::fixed(conninfo()));
    expect_shown<refused>([] { other_backend::broken(); });
    EXPECT_NO_THROW(other_backend::fixed(conninfo()));
}

TEST_F(messages, about_names) {
    expect_shown<refused>([&] { null_name::broken(a_); });
    EXPECT_NO_THROW(null_name::fixed(a_));
    const std::string bytes("a\0b", 3);
    expect_shown<refused>([&] { unmapped_name::broken(a_, bytes); });
    EXPECT_NO_THROW(unmapped_name::fixed(a_, bytes));
}

TEST_F(messages, about_a_busy_connection) {
    expect_shown<refused>([&] { busy::broken(a_, libpq(a_)); });
    expect_shown<refused>([&] { static_cast<void>(inspect(a_)); });
    EXPECT_NO_THROW(busy::fixed(b_, libpq(b_)));
    PQenterPipelineMode(libpq(b_));
    expect_shown<refused>([&] { const advisory_lock lock(b_, "nightly-report"); });
}

TEST_F(messages, about_transactions) {
    {
        transaction tx(a_);
        expect_shown<refused>([&] { no_transaction::broken(tx); });
    }
    transaction tx(a_);
    EXPECT_NO_THROW(no_transaction::fixed(tx));
    expect_shown<refused>([&] { failed_transaction::broken(b_); });
    EXPECT_NO_THROW(failed_transaction::fixed(b_));
    query(b_, "begin");
    EXPECT_THROW(query(b_, "select 1/0"), sql_error);
    expect_shown<refused>([&] { static_cast<void>(inspect(b_)); });
}

TEST_F(messages, about_what_a_program_sets) {
    expect_shown<refused>([&] { preset_late::broken(a_); });
    EXPECT_NO_THROW(preset_late::fixed(a_));
    expect_shown<refused>([] { static_cast<void>(impossible_preset::broken()); });
    EXPECT_NO_THROW(static_cast<void>(impossible_preset::fixed()));
    expect_shown<refused>([] { static_cast<void>(connection_string::broken()); });
    EXPECT_NO_THROW(static_cast<void>(connection_string::fixed()));
    const advisory_lock lock(a_, "nightly-report");
    expect_shown<refused>([&] { impatient_heartbeat::broken(lock); });
    EXPECT_NO_THROW(impatient_heartbeat::fixed(lock));
}

TEST_F(messages, about_a_lost_connection) {
    const advisory_lock lock(a_, "other");
    const advisory_lock same(b_, 1);
    end_session(a_);
    end_session(b_);
    ASSERT_TRUE(eventually([&] { return lock.lost() && same.lost(); }));
    expect_shown<connection_lost>([&] { lost_connection::broken(a_); });
    expect_shown<connection_lost>([&] { lost_connection::broken(a_); }); // and again
    EXPECT_NO_THROW(lost_connection::fixed(b_));
}

TEST_F(messages, about_a_connection_that_is_lost_in_a_wait) {
    const advisory_lock held(b_, "nightly-report");
    auto waits =
        in_background([&] { return error_of<connection_lost>([&] { lost_connection::broken(a_); }); });
    ASSERT_TRUE(queued("nightly-report"));
    end_session(a_);
    page().expect(waits.result().what());
}

TEST_F(messages, about_a_server_that_does_not_answer) {
    session_preset().apply(a_);
    const int backend = try_advisory_lock(a_, 1).backend_pid();
    const silenced cut(backend);
    expect_shown<connection_lost>([&] { const timed_advisory_lock lock(a_, "nightly-report", 10ms); });
}

TEST_F(messages, about_a_lock_that_was_released_behind_our_back) {
    expect_shown<not_held>([&] { released_by_others::broken(a_); });
    EXPECT_NO_THROW(released_by_others::fixed(a_));
}

TEST_F(messages, about_waits_that_are_cut_short) {
    const advisory_lock held(b_, "nightly-report");
    expect_shown<lock_error>([&] { own_lock_timeout::broken(a_); });
    EXPECT_FALSE(own_lock_timeout::fixed(a_));
    query(a_, "set lock_timeout = 0; set statement_timeout = '200ms'");
    expect_shown<lock_error>([&] { const advisory_lock lock(a_, "nightly-report"); });
    query(a_, "begin");
    expect_shown<lock_error>([&] { const advisory_lock lock(a_, "nightly-report"); });
    query(a_, "rollback; set statement_timeout = 0");
    expect_shown<not_acquired>([&] { no_answer_but_an_error::broken(a_); });
    EXPECT_FALSE(no_answer_but_an_error::fixed(a_));
}

TEST_F(messages, about_a_deadlock) {
    for (const bool in_transaction : {false, true}) {
        if (in_transaction) {
            query(a_, "begin");
        }
        query(a_, "set deadlock_timeout = '10ms'"); // so that it is the victim
        query(b_, "set deadlock_timeout = '1h'");
        std::optional<advisory_lock> left(std::in_place, a_, "left");
        std::optional<advisory_lock> right(std::in_place, b_, "right");
        auto other = in_background([&] { const advisory_lock lock(b_, "left"); });
        ASSERT_TRUE(queued("left"));
        expect_shown<deadlock_detected>([&] { const advisory_lock lock(a_, "right"); });
        left.reset();
        if (in_transaction) {
            query(a_, "rollback");
        }
        other.result();
    }
    EXPECT_NO_THROW(in_one_order::broken(a_, "left", "right")); // as long as nobody crosses it
    EXPECT_NO_THROW(in_one_order::fixed(b_, "right", "left"));
}

TEST_F(messages, about_misuse) {
    expect_shown<std::system_error>([&] { not_owned::broken(a_); });
    EXPECT_NO_THROW(not_owned::fixed(a_));
    expect_shown<std::system_error>([&] { owned_already::broken(a_); });
    EXPECT_NO_THROW(owned_already::fixed(a_));
    expect_shown<std::system_error>([] { no_session::broken(); });
    EXPECT_NO_THROW(no_session::fixed(a_));
    const advisory_lock held(b_, "nightly-report");
    loss_watcher watcher;
    expect_shown<std::system_error>([&] { unwatchable::broken(watcher, a_); });
    EXPECT_NO_THROW(unwatchable::fixed(watcher, a_));
    expect_shown<std::system_error>([&] { gives_up::broken(a_); });
    EXPECT_FALSE(
        (basic_advisory_lock<gives_up::three_tries_then_queue>(a_, "nightly-report", 10ms).owns_lock()));
}

/// While it lives, the process can open so many files more.
class few_descriptors {
public:
    explicit few_descriptors(rlim_t more) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::dup(STDERR_FILENO);
        ::close(next);
        const rlimit few{static_cast<rlim_t>(next) + more, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    few_descriptors(const few_descriptors&) = delete;
    few_descriptors& operator=(const few_descriptors&) = delete;
    ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST_F(messages, about_descriptors_that_are_used_up) {
    const advisory_lock held(b_, "nightly-report");
    loss_watcher watcher;
    const std::stop_source stop;
    {
        const few_descriptors one(1);
        expect_shown<std::system_error>([] { const loss_watcher other; });
    }
    const few_descriptors none(0);
    expect_shown<std::system_error>(
        [&] { const advisory_lock lock(a_, "nightly-report", stop.get_token()); });
    expect_shown<std::system_error>([] { const loss_watcher other; });
    expect_shown<std::system_error>([&] { const loss_watch watch = watcher.watch(held); });
}

TEST_F(messages, about_a_look_alike) {
    own_server->create_database("look_alike");
    observer(conninfo("look_alike"))
        .exec("set allow_system_table_mods = on; create or replace function pg_catalog.version() returns "
              "text language sql stable as $$select 'CockroachDB'$$");
    soci::session session(soci::postgresql, conninfo("look_alike"));
    expect_shown<refused>([&] { const advisory_lock lock(session, "nightly-report"); });
}

TEST_F(messages, about_a_full_lock_table) {
    EXPECT_NO_THROW(too_many::fixed(a_));
    expect_shown<lock_table_full>([&] { too_many::broken(a_, 100000); });
}

TEST_F(messages, about_permissions) {
    own_server->create_database("guarded");
    observer look(conninfo("guarded"));
    look.exec("create role guest login; create role app login; grant pg_signal_backend to app");
    soci::session guest(soci::postgresql, conninfo("guarded") + " user=guest");
    soci::session app(soci::postgresql, conninfo("guarded") + " user=app");
    const advisory_lock held(guest, 1);
    const advisory_lock other(app, 2);
    const lock_info holder = holders(app, 1).at(0);
    const lock_info other_holder = holders(guest, 2).at(0);
    expect_shown<refused>([&] { static_cast<void>(own_session::broken(a_)); });
    EXPECT_NO_THROW(own_session::fixed(a_));
    expect_shown<not_permitted>([&] { (void)terminate_backend(app, holder.pid, holder.seen_at); });
    expect_shown<not_permitted>([&] { (void)terminate_backend(guest, other_holder); });
    expect_shown<not_permitted>([&] { (void)cancel_backend(guest, other_holder); });
    look.exec("revoke execute on function pg_try_advisory_lock(bigint) from public");
    expect_shown<lock_error>([&] { const advisory_lock lock(guest, "nightly-report"); });
    look.exec("revoke execute on function pg_lock_status() from public");
    expect_shown<not_permitted>([&] { static_cast<void>(inspect(guest)); });
}

TEST_F(messages, about_a_prepared_transaction) {
    query(a_, "begin; select pg_advisory_xact_lock(7)");
    query(a_, "prepare transaction 'import'");
    expect_shown<refused>([&] { static_cast<void>(prepared::broken(a_)); });
    EXPECT_NO_THROW(prepared::fixed(a_));
    EXPECT_FALSE(is_locked(a_, 7));
}

TEST_F(messages, about_poolers) {
    const pgbouncer pool(*own_server, pool_mode::transaction);
    soci::session session(soci::postgresql, pool.conninfo());
    expect_shown<refused>([&] { pooled::broken(session); });
    EXPECT_NO_THROW(pooled::fixed(session));
    expect_shown<refused>([&] { declared_late::broken(session); });
    expect_shown<refused>([&] { declared_wrongly::broken(session); });
    EXPECT_NO_THROW(declared_wrongly::fixed(conninfo()));
    const pgbouncer good_pool(*own_server, pool_mode::session);
    soci::session good(soci::postgresql, good_pool.conninfo());
    EXPECT_NO_THROW(declared_late::fixed(good));
}

TEST_F(messages, about_a_pooler_whose_mode_cannot_be_checked) {
    const pgbouncer pool(*own_server, pool_mode::session, {{"max_client_conn", "1"}});
    soci::session session(soci::postgresql, pool.conninfo());
    expect_shown<refused>([&] { declare_session_pooler(session, 300ms); });
}

TEST_F(messages, about_a_pooler_that_goes_over_to_another_mode) {
    pgbouncer pool(*own_server, pool_mode::session, {{"default_pool_size", "3"}});
    soci::session holder(soci::postgresql, pool.conninfo());
    declare_session_pooler(holder);
    const advisory_lock lock(holder, 1);
    const std::string backend = std::to_string(lock.backend_pid());
    pool.reload(pool_mode::transaction);
    soci::session other(soci::postgresql, pool.conninfo());
    std::optional<transaction> tx;
    ASSERT_TRUE(eventually([&] { // the other client is given the holder's backend
        holder << "select 1";
        tx.reset();
        tx.emplace(other);
        return query(other, "select pg_backend_pid()") == backend;
    }));
    expect_shown<refused>([&] { const transaction_advisory_lock locked(*tx, "nightly-report"); });
    expect_shown<connection_lost>([&] { const advisory_lock second(holder, "nightly-report"); });
}

TEST(messages_of_a_standby, about_its_locks) {
    postgres_server primary;
    standby_server standby(primary);
    expect_shown<refused>([&] { on_a_standby::broken(standby.conninfo()); });
    EXPECT_NO_THROW(on_a_standby::fixed(standby.conninfo() + " host=" + standby.directory().string() + ',' +
                                        primary.directory().string()));
}

} // namespace
} // namespace pglocks::test
