// SPDX-License-Identifier: BSL-1.0
// The server that tests share, and their databases on it: what the tests rely on.
#include "support/child_process.hpp"
#include "support/child_role.hpp"
#include "support/messages.hpp"
#include "support/observer.hpp"
#include "support/postgres_server.hpp"
#include "support/scratch_database.hpp"
#include "support/server.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

const child_role user_of_the_shared_server("user of the shared server", [](const std::vector<std::string>&) {
    observer look(shared_server().conninfo());
    std::cout << look.value("show unix_socket_directories") << '\n'
              << look.value("select current_database()") << '\n'
              << std::flush;
    stop_shared_server();
    return 0;
});

/// While it lives, libpq finds nothing in this process's environment, nor in that of a child.
class no_libpq_environment {
public:
    no_libpq_environment() {
        for (char** entry = environ; *entry != nullptr; ++entry) {
            const std::string variable = *entry;
            const auto name = variable.substr(0, variable.find('='));
            if (name.starts_with("PG") && !name.starts_with("PGLOCKS_"))
                before_[name] = variable.substr(name.size() + 1);
        }
        for (const auto& [name, value] : before_)
            ::unsetenv(name.c_str());
    }
    ~no_libpq_environment() {
        for (const auto& [name, value] : before_)
            ::setenv(name.c_str(), value.c_str(), 1);
    }
    no_libpq_environment(const no_libpq_environment&) = delete;
    no_libpq_environment& operator=(const no_libpq_environment&) = delete;

private:
    std::map<std::string, std::string> before_;
};

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
    const no_libpq_environment none;
    const postgres_server existing;
    const std::string socket = existing.directory();
    const std::string uri = "postgresql:///postgres?user=postgres&port=5432&host=" + socket;
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
    const no_libpq_environment none;
    child_process user = user_of_the_shared_server.start(
        {}, {.environment = {{"DATABASE_URL", "postgresql:///x?host=/nowhere"}}});
    EXPECT_NE(user.wait(), exit_status{});
    EXPECT_TRUE(contains(user.errors(), "the server that DATABASE_URL names")) << user.errors();
}

} // namespace
} // namespace pglocks::test
