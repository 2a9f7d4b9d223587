// SPDX-License-Identifier: BSL-1.0
// The PgBouncer of the tests.
#include "end_of_the_owner.hpp"
#include "support/child_role.hpp"
#include "support/observer.hpp"
#include "support/pgbouncer.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

const child_role pooler_owner("pooler owner", [](const std::vector<std::string>& arguments) {
    const pgbouncer pooler(server(arguments.at(0)), pool_mode::session);
    const observer connected(pooler.conninfo());
    std::cout << pooler.directory().string() << '\n' << pooler.process_id() << '\n' << std::flush;
    std::cin.get();
    return 0;
});

std::string backend_of(observer& client) { return client.value("select pg_backend_pid()"); }

TEST(pgbouncer, keeps_a_backend_for_a_client_in_session_mode_alone) {
    for (const auto mode : {pool_mode::session, pool_mode::transaction}) {
        const pgbouncer pooler(shared_server(), mode);
        observer first(pooler.conninfo());
        observer second(pooler.conninfo());
        EXPECT_NE(backend_of(first), std::to_string(first.backend_pid())) << "there is a pooler";
        const bool shared = backend_of(first) == backend_of(second);
        EXPECT_EQ(shared, mode == pool_mode::transaction);
    }
}

TEST(pgbouncer, refuses_transactions_in_statement_mode) {
    const pgbouncer pooler(shared_server(), pool_mode::statement);
    observer client(pooler.conninfo());
    EXPECT_EQ(client.value("select 1"), "1");
    EXPECT_THROW(client.exec("begin"), sql_error);
}

TEST(pgbouncer, listens_on_a_socket_in_its_directory_or_on_a_port_of_its_own) {
    const pgbouncer on_socket(shared_server(), pool_mode::session);
    EXPECT_TRUE(std::filesystem::is_socket(on_socket.directory() / ".s.PGSQL.6432"));
    const pgbouncer one(shared_server(), pool_mode::session, {}, pgbouncer::transport::loopback_tcp);
    const pgbouncer other(shared_server(), pool_mode::session, {}, pgbouncer::transport::loopback_tcp);
    EXPECT_NE(one.conninfo(), other.conninfo());
    for (const auto* pooler : {&on_socket, &one, &other})
        EXPECT_EQ(observer(pooler->conninfo()).value("select 1"), "1");
}

TEST(pgbouncer, leads_to_the_servers_database) {
    const pgbouncer pooler(shared_server(), pool_mode::session);
    EXPECT_EQ(observer(pooler.conninfo()).value("select current_database()"),
              observer(shared_server().conninfo()).value("select current_database()"));
}

TEST(pgbouncer, takes_settings) {
    const pgbouncer pooler(shared_server(), pool_mode::session, {{"max_client_conn", "1"}});
    const observer first(pooler.conninfo());
    EXPECT_THROW(const observer second(pooler.conninfo()), sql_error);
}

TEST(pgbouncer, changes_its_mode_under_connected_clients) {
    pgbouncer pooler(shared_server(), pool_mode::session);
    observer first(pooler.conninfo());
    observer second(pooler.conninfo());
    EXPECT_NE(backend_of(first), backend_of(second));
    pooler.reload(pool_mode::transaction);
    first.exec("select 1");
    second.exec("select 1");
    EXPECT_EQ(backend_of(first), backend_of(second));
}

TEST(pgbouncer, says_why_it_does_not_run) {
    try {
        const pgbouncer pooler(shared_server(), pool_mode::session, {{"pool_mode", "sometimes"}});
        FAIL() << "there is no such mode";
    } catch (const std::exception& error) {
        EXPECT_NE(std::string(error.what()).find("sometimes"), std::string::npos) << error.what();
    }
}

TEST(pgbouncer, refuses_to_depend_on_a_thread_that_ends) {
    std::thread([] {
        EXPECT_THROW(const pgbouncer pooler(shared_server(), pool_mode::session), std::logic_error);
    }).join();
}

class end_of_the_owner : public testing::TestWithParam<int> {};

TEST_P(end_of_the_owner, ends_the_pooler_and_removes_its_directory) {
    expect_nothing_left_after(GetParam(), pooler_owner.start({shared_server().conninfo()}));
}

INSTANTIATE_TEST_SUITE_P(pgbouncer, end_of_the_owner, testing::Values(0, SIGINT, SIGTERM, SIGKILL));

} // namespace
} // namespace pglocks::test
