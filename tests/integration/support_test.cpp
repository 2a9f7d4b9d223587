// SPDX-License-Identifier: BSL-1.0
#include "support/child_process.hpp"
#include "support/child_role.hpp"
#include "support/django_peer.hpp"
#include "support/eventually.hpp"
#include "support/observer.hpp"
#include "support/postgres_server.hpp"
#include "support/process_info.hpp"
#include "support/scratch_database.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string message_of(auto&& action) {
    try {
        action();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "no exception";
}

/// The id of the System V segment of a running server, the last word of the seventh line of its
/// postmaster.pid.
std::string shared_memory_id(const postgres_server& server) {
    std::ifstream file(server.directory() / "data" / "postmaster.pid");
    std::string line;
    for (int i = 0; i < 7; ++i)
        std::getline(file, line);
    return line.substr(line.find_last_of(' ') + 1);
}

bool shared_memory_exists(const std::string& id) {
    std::istringstream rows(text_of("/proc/sysvipc/shm"));
    for (std::string row; std::getline(rows, row);) {
        std::istringstream fields(row);
        std::string key;
        std::string found;
        if (fields >> key >> found; found == id)
            return true;
    }
    return false;
}

/// A directory for temporary files of this test's own, which the server's user may enter.
class own_temporary_directory {
public:
    explicit own_temporary_directory(const std::string& below = "") {
        std::string name = std::filesystem::temp_directory_path() / "pglocks-test-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            throw std::system_error(errno, std::generic_category(), name);
        root_ = name;
        std::filesystem::permissions(root_, std::filesystem::perms(0711));
        path_ = root_ / below;
        std::filesystem::create_directories(path_);
        if (const char* before = std::getenv("TMPDIR"))
            before_ = before;
        ::setenv("TMPDIR", path_.c_str(), 1);
    }
    ~own_temporary_directory() {
        if (before_.empty())
            ::unsetenv("TMPDIR");
        else
            ::setenv("TMPDIR", before_.c_str(), 1);
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    own_temporary_directory(const own_temporary_directory&) = delete;
    own_temporary_directory& operator=(const own_temporary_directory&) = delete;

    [[nodiscard]] bool is_empty() const { return std::filesystem::is_empty(path_); }

private:
    std::filesystem::path root_;
    std::filesystem::path path_;
    std::string before_;
};

const child_role server_owner("server owner", [](const std::vector<std::string>&) {
    const postgres_server server;
    const observer connected(server.conninfo());
    std::cout << server.directory().string() << '\n' << server.process_id() << '\n' << std::flush;
    std::cin.get();
    return 0;
});

const child_role user_of_the_shared_server("user of the shared server", [](const std::vector<std::string>&) {
    observer look(shared_server().conninfo());
    std::cout << look.value("show unix_socket_directories") << '\n'
              << look.value("select current_database()") << '\n'
              << std::flush;
    stop_shared_server();
    return 0;
});

const child_role parent("parent", [](const std::vector<std::string>&) {
    const child_process child({"tail", "-f", "/dev/null"});
    std::cout << child.id() << '\n' << std::flush;
    std::cin.get();
    return 0;
});

// --- eventually ---

TEST(eventually, asks_until_the_condition_holds) {
    int asked = 0;
    EXPECT_TRUE(eventually([&] { return ++asked == 5; }));
    EXPECT_EQ(asked, 5);
}

TEST(eventually, asks_at_least_once_and_gives_up_at_the_deadline) {
    int asked = 0;
    EXPECT_FALSE(eventually([&] { return ++asked < 0; }, 0ms));
    EXPECT_EQ(asked, 1);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(eventually([] { return false; }, 30ms));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
}

// --- child_process ---

TEST(child_process, captures_output_and_errors_apart_and_tells_the_exit_code) {
    const auto ended = run({"sh", "-c", "echo out; echo err >&2; exit 7"});
    EXPECT_EQ(ended.status, (exit_status{.code = 7, .signal = 0}));
    EXPECT_EQ(ended.output, "out\n");
    EXPECT_EQ(ended.errors, "err\n");
}

TEST(child_process, speaks_line_by_line) {
    child_process child({"cat"});
    child.send_line("one");
    child.expect_line("one");
    child.send_line("two\nthree");
    EXPECT_EQ(child.read_line(), "two");
    EXPECT_EQ(child.read_line(), "three");
    child.close_input();
    EXPECT_EQ(child.wait(), exit_status{});
}

TEST(child_process, says_what_it_expected_and_all_that_the_child_printed) {
    child_process child({"sh", "-c", "echo mishap >&2; echo refused; cat"});
    const auto message = message_of([&] { child.expect_line("held"); });
    EXPECT_TRUE(contains(message, "expected the line 'held', not 'refused'")) << message;
    const auto late = message_of([&] { child.expect_line("held", 10ms); });
    EXPECT_TRUE(contains(late, "no line came in 10 ms")) << late;
    child.close_input();
    const auto ended = message_of([&] { child.expect_line("held"); });
    EXPECT_TRUE(contains(ended, "its output ended")) << ended;
    EXPECT_TRUE(contains(ended, "mishap")) << ended;
}

TEST(child_process, reads_more_than_a_pipe_holds_from_both_streams) {
    const auto ended = run({"sh", "-c", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"});
    EXPECT_EQ(ended.output.size(), 1'000'000U);
    EXPECT_EQ(ended.errors.size(), 1'000'000U);
}

TEST(child_process, tells_the_signal_that_ended_it) {
    child_process child({"cat"});
    EXPECT_TRUE(child.running());
    child.kill(SIGTERM);
    EXPECT_EQ(child.wait(), (exit_status{.code = 0, .signal = SIGTERM}));
    EXPECT_FALSE(child.running());
}

TEST(child_process, stays_alive_when_it_does_not_end_before_the_deadline) {
    child_process child({"cat"});
    EXPECT_THROW(child.wait(20ms), child_error);
    EXPECT_TRUE(child.running());
}

TEST(child_process, throws_when_the_child_no_longer_reads) {
    child_process child({"true"});
    child.wait();
    EXPECT_THROW(child.send_line("anybody there?"), child_error);
}

TEST(child_process, names_a_program_that_cannot_be_started) {
    const auto message = message_of([] { const child_process child({"no-such-program"}); });
    EXPECT_TRUE(contains(message, "cannot start no-such-program")) << message;
}

TEST(child_process, adds_to_the_environment) {
    const auto ended =
        run({"sh", "-c", "echo $COLOUR $HOME"}, {.environment = {{"COLOUR", "blue"}, {"HOME", "/nowhere"}}});
    EXPECT_EQ(ended.output, "blue /nowhere\n");
}

TEST(child_process, begins_with_default_signal_handling) {
    const auto before = std::signal(SIGINT, SIG_IGN);
    child_process child({"cat"});
    std::signal(SIGINT, before);
    child.kill(SIGINT);
    EXPECT_EQ(child.wait(), (exit_status{.code = 0, .signal = SIGINT}));
}

TEST(child_process, is_killed_with_all_it_has_started_when_destroyed) {
    std::vector<pid_t> ids;
    {
        child_process child({"sh", "-c", "tail -f /dev/null & echo $!; wait"});
        ids = {child.id(), std::stoi(child.read_line())};
        EXPECT_FALSE(has_ended(ids[1]));
    }
    for (const auto id : ids)
        EXPECT_TRUE(eventually([=] { return has_ended(id); }));
}

TEST(child_process, is_killed_when_its_parent_is) {
    child_process role = parent.start();
    const pid_t grandchild = std::stoi(role.read_line());
    EXPECT_FALSE(has_ended(grandchild));
    role.kill(SIGKILL);
    EXPECT_TRUE(eventually([=] { return has_ended(grandchild); }));
}

// --- postgres_server ---

TEST(postgres_server, listens_on_a_socket_in_its_directory_alone) {
    const postgres_server server;
    observer look(server.conninfo());
    EXPECT_EQ(look.value("show listen_addresses"), "");
    EXPECT_EQ(look.value("select inet_server_addr() is null"), "t");
    EXPECT_TRUE(std::filesystem::is_socket(server.directory() / ".s.PGSQL.5432"));
    EXPECT_EQ(look.value("show server_encoding"), "UTF8");
    EXPECT_TRUE(contains(server.log(), "ready to accept connections"));
}

TEST(postgres_server, takes_settings_and_changes_them_at_a_restart) {
    postgres_server server({{"max_locks_per_transaction", "10"}, {"port", "6543"}});
    EXPECT_EQ(observer(server.conninfo()).value("show max_locks_per_transaction"), "10");
    server.create_database("kept");
    server.restart({{"port", "6544"}, {"application_name", R"(it's "one" \ name)"}});
    observer look(server.conninfo("kept"));
    EXPECT_EQ(look.value("show max_locks_per_transaction"), "10");
    EXPECT_EQ(look.value("show port"), "6544");
    EXPECT_EQ(look.value("select reset_val from pg_settings where name = 'application_name'"),
              R"(it's "one" \ name)");
}

TEST(postgres_server, ends_when_it_is_stopped_and_can_be_started_again) {
    for (const auto how : {postgres_server::shutdown::fast, postgres_server::shutdown::immediate}) {
        postgres_server server;
        const pid_t id = server.process_id();
        observer connected(server.conninfo());
        server.stop(how);
        EXPECT_FALSE(server.running());
        EXPECT_TRUE(has_ended(id));
        EXPECT_THROW(connected.exec("select 1"), sql_error);
        EXPECT_THROW(observer(server.conninfo()), sql_error);
        server.start();
        EXPECT_EQ(observer(server.conninfo()).value("select 1"), "1");
    }
}

TEST(postgres_server, leaves_no_process_after_a_crash_and_recovers_when_started) {
    postgres_server server;
    std::vector<pid_t> ids{server.process_id()};
    const observer first(server.conninfo());
    const observer second(server.conninfo());
    ids.push_back(first.backend_pid());
    ids.push_back(second.backend_pid());
    server.crash();
    EXPECT_FALSE(server.running());
    for (const auto id : ids)
        EXPECT_TRUE(has_ended(id)) << id;
    server.start();
    EXPECT_EQ(observer(server.conninfo()).value("select 1"), "1");
    EXPECT_TRUE(contains(server.log(), "not properly shut down")) << server.log();
}

TEST(postgres_server, leaves_nothing_behind_after_a_crash) {
    const own_temporary_directory temporary;
    std::string segment;
    {
        postgres_server server;
        segment = shared_memory_id(server);
        EXPECT_TRUE(shared_memory_exists(segment)) << segment;
        server.crash();
    }
    EXPECT_TRUE(temporary.is_empty());
    EXPECT_FALSE(shared_memory_exists(segment)) << segment;
}

TEST(postgres_server, leaves_nothing_behind_while_clients_are_connected_and_wait) {
    const own_temporary_directory temporary;
    pid_t id = 0;
    {
        const postgres_server server;
        id = server.process_id();
        observer holder(server.conninfo());
        holder.exec("select pg_advisory_lock(1)");
        std::thread waiter([conninfo = server.conninfo()] {
            EXPECT_THROW(observer(conninfo).exec("select pg_advisory_lock(1)"), sql_error);
        });
        EXPECT_TRUE(eventually([&] { return holder.waiters(1).size() == 1; }));
        holder.exec("select pg_terminate_backend(" + std::to_string(holder.waiters(1).at(0).pid.value()) +
                    ")");
        waiter.join();
    }
    EXPECT_TRUE(has_ended(id));
    EXPECT_TRUE(temporary.is_empty());
}

TEST(postgres_server, says_why_the_server_does_not_start_and_leaves_nothing_behind) {
    const own_temporary_directory temporary;
    const auto message = message_of([] { const postgres_server server({{"max_connections", "many"}}); });
    EXPECT_TRUE(contains(message, "invalid value for parameter \"max_connections\"")) << message;
    EXPECT_TRUE(temporary.is_empty());
}

TEST(postgres_server, says_that_its_directory_is_too_long_for_a_socket) {
    const own_temporary_directory temporary(std::string(90, 'd'));
    const auto message = message_of([] { const postgres_server server; });
    EXPECT_TRUE(contains(message, "at most 107")) << message;
    EXPECT_TRUE(temporary.is_empty());
}

TEST(postgres_server, refuses_to_depend_on_a_thread_that_ends) {
    postgres_server server;
    server.stop();
    std::thread([&] { EXPECT_THROW(server.start(), std::logic_error); }).join();
    EXPECT_FALSE(server.running());
}

TEST(postgres_server, is_found_whatever_the_environment_says_of_another_server) {
    child_process owner = server_owner.start({}, {.environment = {{"PGHOST", "db.invalid"},
                                                                  {"PGHOSTADDR", "127.0.0.1"},
                                                                  {"PGPORT", "1"},
                                                                  {"PGUSER", "nobody"},
                                                                  {"PGDATABASE", "none"},
                                                                  {"PGOPTIONS", "-c none=1"},
                                                                  {"PGREQUIREPEER", "none"},
                                                                  {"PGSSLMODE", "require"},
                                                                  {"PGGSSENCMODE", "require"},
                                                                  {"PGCHANNELBINDING", "require"},
                                                                  {"PGTARGETSESSIONATTRS", "standby"}}});
    EXPECT_TRUE(std::filesystem::exists(owner.read_line(60s)));
    owner.close_input();
    EXPECT_EQ(owner.wait(), exit_status{}) << owner.errors();
}

class end_of_the_owner : public testing::TestWithParam<int> {};

TEST_P(end_of_the_owner, ends_the_server_and_removes_its_directory) {
    child_process owner = server_owner.start();
    const std::filesystem::path directory = owner.read_line(60s);
    const pid_t server = std::stoi(owner.read_line());
    EXPECT_FALSE(has_ended(server));
    if (GetParam() == 0) {
        owner.close_input();
        EXPECT_EQ(owner.wait(), exit_status{});
    } else {
        owner.kill(GetParam());
        EXPECT_EQ(owner.wait(), (exit_status{.code = 0, .signal = GetParam()}));
    }
    EXPECT_TRUE(eventually([=] { return has_ended(server); }, 60s));
    EXPECT_TRUE(eventually([=] { return !std::filesystem::exists(directory); }, 60s)) << directory;
}

INSTANTIATE_TEST_SUITE_P(postgres_server, end_of_the_owner,
                         testing::Values(0, SIGINT, SIGTERM, SIGKILL, SIGHUP));

// --- server, scratch_database, shared_server ---

TEST(server, understands_connection_strings_and_uris_and_keeps_their_values) {
    EXPECT_EQ(server("user='o\\'hara' dbname='a \\\\ b'").conninfo(), "dbname='a \\\\ b' user='o\\'hara'");
    EXPECT_EQ(server("postgresql://u@h:1/d").conninfo("e"), "dbname='e' host='h' port='1' user='u'");
    EXPECT_THROW(server("no such thing"), std::invalid_argument);
}

TEST(scratch_database, has_keys_of_its_own_and_is_dropped_under_open_connections) {
    std::string name;
    {
        const scratch_database one(shared_server());
        const scratch_database other(shared_server());
        name = one.name();
        observer in_one(one.conninfo());
        observer in_other(other.conninfo());
        EXPECT_EQ(in_one.value("select pg_try_advisory_lock(1)"), "t");
        EXPECT_EQ(in_other.value("select pg_try_advisory_lock(1)"), "t");
        EXPECT_EQ(in_one.holders(1).size(), 1U);
    }
    EXPECT_EQ(observer(shared_server().conninfo())
                  .value("select count(*) from pg_database where datname = '" + name + "'"),
              "0");
}

TEST(shared_server, is_one_and_leads_to_a_scratch_database) {
    EXPECT_EQ(&shared_server(), &shared_server());
    observer look(shared_server().conninfo());
    EXPECT_TRUE(look.value("select current_database()").starts_with("pglocks_test_"));
}

TEST(shared_server, is_left_alone_by_a_process_that_fork_made) {
    observer look(shared_server().conninfo());
    EXPECT_EXIT(std::exit(3), testing::ExitedWithCode(3), "");
    EXPECT_EQ(look.value("select 1"), "1");
    EXPECT_EQ(observer(shared_server().conninfo()).value("select 1"), "1");
}

TEST(shared_server, is_the_server_that_the_environment_names_and_leaves_no_database_there) {
    const postgres_server existing;
    const std::string socket = existing.directory();
    const std::string uri = "postgresql:///postgres?user=postgres&host=" + socket;
    const std::vector<std::map<std::string, std::string>> environments{
        {{"DATABASE_URL", uri}, {"PGHOST", "/nowhere"}},
        {{"DATABASE_URL", ""}, {"PGHOSTADDR", ""}, {"PGHOST", socket}, {"PGUSER", "postgres"}},
    };
    for (const auto& environment : environments) {
        child_process user = user_of_the_shared_server.start({}, {.environment = environment});
        EXPECT_TRUE(contains(user.read_line(60s), socket));
        EXPECT_TRUE(user.read_line().starts_with("pglocks_test_"));
        EXPECT_EQ(user.wait(), exit_status{}) << user.errors();
        observer look(existing.conninfo());
        EXPECT_EQ(look.value("select count(*) from pg_database where datname like 'pglocks%'"), "0");
    }
}

TEST(shared_server, names_the_variable_that_leads_to_no_server) {
    child_process user = user_of_the_shared_server.start(
        {}, {.environment = {{"DATABASE_URL", "postgresql:///x?host=/nowhere"}}});
    EXPECT_NE(user.wait(), exit_status{});
    EXPECT_TRUE(contains(user.errors(), "the server that DATABASE_URL names")) << user.errors();
}

// --- observer ---

class observer_test : public testing::Test {
protected:
    scratch_database database_{shared_server()};
    observer look_{database_.conninfo()};
    observer session_{database_.conninfo()};
};

TEST_F(observer_test, decodes_bigint_keys_of_either_sign) {
    for (const std::int64_t key : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{-662733300}, INT64_MIN,
                                   INT64_MAX, std::int64_t{0x1'2345'6789}}) {
        session_.exec("select pg_advisory_lock('" + std::to_string(key) + "'::bigint)");
        const auto held = look_.holders(key);
        ASSERT_EQ(held.size(), 1U) << key;
        EXPECT_EQ(look_.advisory_locks(), held);
        EXPECT_EQ(held[0].bigint_key(), key);
        EXPECT_EQ(held[0].pair_key(), std::nullopt);
        EXPECT_EQ(held[0].pid, session_.backend_pid());
        EXPECT_EQ(held[0].mode, lock_mode::exclusive);
        EXPECT_TRUE(held[0].granted);
        EXPECT_EQ(std::to_string(held[0].database),
                  look_.value("select oid from pg_database where datname = current_database()"));
        session_.exec("select pg_advisory_unlock_all()");
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
}

TEST_F(observer_test, shows_the_columns_of_a_negative_key_unsigned) {
    session_.exec("select pg_advisory_lock(-662733300)");
    const auto row = look_.holders(-662733300).at(0);
    EXPECT_EQ(row.classid, 0xffffffffU);
    EXPECT_EQ(row.objid, 0xd87f7e0cU);
    EXPECT_EQ(row.objsubid, 1);
}

TEST_F(observer_test, tells_pairs_from_bigint_keys) {
    session_.exec("select pg_advisory_lock_shared(0, -1)");
    ASSERT_EQ(look_.holders(0, -1).size(), 1U);
    EXPECT_EQ(look_.holders(0, -1)[0].mode, lock_mode::shared);
    EXPECT_EQ(look_.holders(0, -1)[0].pair_key(), (std::pair<std::int32_t, std::int32_t>(0, -1)));
    EXPECT_TRUE(look_.holders(0xffffffff).empty());
    EXPECT_TRUE(look_.holders(-1, 0).empty());
}

TEST_F(observer_test, tells_who_waits_from_who_holds) {
    session_.exec("select pg_advisory_lock(7)");
    child_process psql({"psql", "-XqAt", "-d", database_.conninfo()});
    psql.send_line("select pg_backend_pid();");
    const int waiter = std::stoi(psql.read_line());
    psql.send_line("select pg_advisory_lock_shared(7);\n\\echo held");
    ASSERT_TRUE(eventually([&] { return !look_.waiters(7).empty(); }));
    EXPECT_EQ(look_.waiters(7).size(), 1U);
    EXPECT_EQ(look_.waiters(7)[0].pid, waiter);
    EXPECT_EQ(look_.waiters(7)[0].mode, lock_mode::shared);
    EXPECT_EQ(look_.holders(7).at(0).pid, session_.backend_pid());
    session_.exec("select pg_advisory_unlock(7)");
    psql.expect_line("");
    psql.expect_line("held");
    EXPECT_TRUE(look_.waiters(7).empty());
    EXPECT_EQ(look_.holders(7).at(0).pid, waiter);
}

TEST_F(observer_test, sees_nothing_of_other_databases) {
    const scratch_database other(shared_server());
    observer(other.conninfo()).exec("select 1");
    observer elsewhere(other.conninfo());
    elsewhere.exec("select pg_advisory_lock(7)");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(observer_test, tells_the_sqlstate_and_refuses_what_is_not_one_value) {
    try {
        session_.exec("select 1/0");
        FAIL() << "no exception";
    } catch (const sql_error& error) {
        EXPECT_EQ(error.sqlstate(), "22012");
        EXPECT_TRUE(contains(error.what(), "division by zero")) << error.what();
    }
    for (const char* sql : {"select 1 where false", "select 1, 2", "values (1), (2)", "select null"})
        EXPECT_THROW(static_cast<void>(session_.value(sql)), std::logic_error) << sql;
}

TEST(observer, shows_the_lock_of_a_prepared_transaction_without_a_process) {
    const postgres_server server({{"max_prepared_transactions", "1"}});
    observer look(server.conninfo());
    look.exec("begin; select pg_advisory_xact_lock(1); prepare transaction 'p'");
    ASSERT_EQ(look.holders(1).size(), 1U);
    EXPECT_EQ(look.holders(1)[0].pid, std::nullopt);
}

// --- django_peer ---

class django_peer_test : public testing::Test {
protected:
    static constexpr std::int64_t key_of_test = -662733300; // crc32("test") as a signed integer

    scratch_database database_{shared_server()};
    scratch_database other_{shared_server()};
    observer look_{database_.conninfo()};
    django_peer peer_{database_.conninfo(), other_.conninfo()};
};

TEST_F(django_peer_test, takes_and_releases_the_documented_key) {
    peer_.lock("test");
    ASSERT_EQ(look_.holders(key_of_test).size(), 1U);
    EXPECT_EQ(look_.holders(key_of_test)[0].mode, lock_mode::exclusive);
    peer_.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_peer_test, takes_integers_pairs_and_quoted_names) {
    peer_.lock("-5");
    EXPECT_EQ(look_.holders(-5).size(), 1U);
    peer_.lock("(-1, 2)");
    EXPECT_EQ(look_.holders(-1, 2).size(), 1U);
    peer_.lock(R"("t\u0065st")");
    EXPECT_EQ(look_.holders(key_of_test).size(), 1U);
    peer_.unlock();
    peer_.unlock();
    peer_.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_peer_test, takes_shared_locks_and_is_refused_what_is_held) {
    observer session(database_.conninfo());
    session.exec("select pg_advisory_lock_shared(" + std::to_string(key_of_test) + ")");
    peer_.lock("test shared");
    EXPECT_EQ(look_.holders(key_of_test).size(), 2U);
    peer_.unlock();
    EXPECT_FALSE(peer_.try_lock("test"));
    EXPECT_TRUE(peer_.try_lock("test shared"));
    peer_.unlock();
    EXPECT_EQ(look_.holders(key_of_test).size(), 1U);
}

TEST_F(django_peer_test, locks_in_the_database_of_another_alias) {
    peer_.lock("test using other");
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_EQ(observer(other_.conninfo()).holders(key_of_test).size(), 1U);
    EXPECT_TRUE(peer_.try_lock("test"));
}

TEST_F(django_peer_test, waits_its_turn) {
    observer session(database_.conninfo());
    session.exec("select pg_advisory_lock(" + std::to_string(key_of_test) + ")");
    peer_.begin_lock("test");
    EXPECT_TRUE(eventually([&] { return look_.waiters(key_of_test).size() == 1; }));
    session.exec("select pg_advisory_unlock(" + std::to_string(key_of_test) + ")");
    peer_.process().expect_line("held");
    peer_.unlock();
}

TEST_F(django_peer_test, releases_when_an_exception_leaves_the_context) {
    peer_.lock("outer");
    peer_.lock("test");
    peer_.raise();
    EXPECT_TRUE(look_.holders(key_of_test).empty());
    EXPECT_EQ(look_.advisory_locks().size(), 1U);
    peer_.unlock();
}

TEST_F(django_peer_test, says_what_went_wrong_and_goes_on) {
    EXPECT_TRUE(peer_.ask("unlock").starts_with("error ValueError"));
    EXPECT_TRUE(peer_.ask("lock").starts_with("error ValueError"));
    EXPECT_TRUE(peer_.ask("lock (1, 2, 3) nowait").starts_with("error ValueError"));
    peer_.lock("test");
    const auto victim = look_.holders(key_of_test).at(0).pid.value();
    look_.exec("select pg_terminate_backend(" + std::to_string(victim) + ")");
    ASSERT_TRUE(eventually([&] { return look_.advisory_locks().empty(); }));
    const auto answer = peer_.ask("unlock");
    EXPECT_TRUE(answer.starts_with("error OperationalError")) << answer;
    peer_.lock("test");
    EXPECT_EQ(look_.holders(key_of_test).size(), 1U);
}

TEST_F(django_peer_test, releases_everything_when_it_quits) {
    peer_.lock("outer");
    peer_.lock("test");
    peer_.process().send_line("quit");
    EXPECT_EQ(peer_.process().wait(), exit_status{});
    EXPECT_TRUE(eventually([&] { return look_.advisory_locks().empty(); }));
}

} // namespace
} // namespace pglocks::test
