// SPDX-License-Identifier: BSL-1.0
// A private server, which leaves nothing behind: what the tests rely on.
#include "end_of_the_owner.hpp"
#include "support/child_process.hpp"
#include "support/child_role.hpp"
#include "support/eventually.hpp"
#include "support/messages.hpp"
#include "support/observer.hpp"
#include "support/postgres_server.hpp"
#include "support/process_info.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

/// Whether there is a System V segment that this process has made.
///
/// Source: proc(5), /proc/sysvipc; the rows begin with key, shmid, perms, size, cpid.
bool has_shared_memory(pid_t process) {
    std::ifstream rows("/proc/sysvipc/shm");
    for (std::string row; std::getline(rows, row);) {
        std::istringstream fields(row);
        std::string other;
        pid_t maker = 0;
        if (fields >> other >> other >> other >> other >> maker && maker == process)
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
    pid_t id = 0;
    {
        postgres_server server;
        id = server.process_id();
        EXPECT_TRUE(has_shared_memory(id));
        server.crash();
        EXPECT_TRUE(has_shared_memory(id)) << "a crash leaves it to whoever cleans up";
    }
    EXPECT_TRUE(temporary.is_empty());
    EXPECT_FALSE(has_shared_memory(id));
}

TEST(postgres_server, leaves_nothing_behind_while_clients_are_connected_and_wait) {
    const own_temporary_directory temporary;
    pid_t id = 0;
    std::optional<observer> holder;
    std::jthread waiter;
    {
        const postgres_server server;
        id = server.process_id();
        holder.emplace(server.conninfo());
        holder->exec("select pg_advisory_lock(1)");
        waiter = std::jthread([conninfo = server.conninfo()] {
            EXPECT_THROW(observer(conninfo).exec("select pg_advisory_lock(1)"), sql_error);
        });
        EXPECT_TRUE(eventually([&] { return holder->waiters(1).size() == 1; }));
    }
    waiter.join();
    EXPECT_THROW(holder->exec("select 1"), sql_error);
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
    expect_nothing_left_after(GetParam(), server_owner.start());
}

INSTANTIATE_TEST_SUITE_P(postgres_server, end_of_the_owner,
                         testing::Values(0, SIGINT, SIGTERM, SIGKILL, SIGHUP));

} // namespace
} // namespace pglocks::test
