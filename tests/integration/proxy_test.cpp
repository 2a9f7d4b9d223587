// SPDX-License-Identifier: BSL-1.0
// The TCP proxy of the tests.
#include "support/eventually.hpp"
#include "support/observer.hpp"
#include "support/shared_server.hpp"
#include "support/tcp_proxy.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using connection = std::unique_ptr<PGconn, decltype([](PGconn* c) { PQfinish(c); })>;

connection connect(const server& to) {
    connection made(PQconnectdb(to.conninfo().c_str()));
    if (PQstatus(made.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(made.get()));
    return made;
}

/// Whether something arrives, or the connection ends.
bool arrives(const connection& at, std::chrono::milliseconds within) {
    pollfd socket{PQsocket(at.get()), POLLIN | POLLRDHUP, 0};
    return ::poll(&socket, 1, static_cast<int>(within.count())) > 0;
}

bool finds_itself_closed(const connection& at) {
    while (PQconsumeInput(at.get()) != 0) {
        if (!arrives(at, default_deadline))
            return false;
    }
    return PQstatus(at.get()) == CONNECTION_BAD;
}

TEST(tcp_proxy, forwards_what_either_side_says) {
    const tcp_proxy proxy(shared_server());
    observer through(proxy.conninfo());
    EXPECT_EQ(through.value("select 1"), "1");
    EXPECT_EQ(through.value("select length('" + std::string(1'000'000, 'x') + "')"), "1000000");
    EXPECT_EQ(through.value("select repeat('y', 3000000)"), std::string(3'000'000, 'y'));
    EXPECT_EQ(proxy.connections(), 1U);
}

TEST(tcp_proxy, ends_a_connection_when_either_side_does) {
    const tcp_proxy proxy(shared_server());
    {
        const observer through(proxy.conninfo());
    }
    EXPECT_TRUE(eventually([&] { return proxy.connections() == 0; }));
    observer look(shared_server().conninfo());
    const connection through = connect(proxy);
    look.exec("select pg_terminate_backend(" + std::to_string(PQbackendPID(through.get())) + ")");
    EXPECT_TRUE(arrives(through, default_deadline));
    EXPECT_TRUE(finds_itself_closed(through));
}

TEST(tcp_proxy, carries_cancel_requests) {
    const tcp_proxy proxy(shared_server());
    observer look(shared_server().conninfo());
    const connection through = connect(proxy);
    ASSERT_EQ(PQsendQuery(through.get(), "select pg_sleep(60)"), 1);
    const std::string pid = std::to_string(PQbackendPID(through.get()));
    ASSERT_TRUE(eventually([&] {
        return look.value(
                   "select wait_event is not distinct from 'PgSleep' from pg_stat_activity where pid = " +
                   pid) == "t";
    }));
    const std::unique_ptr<PGcancel, decltype([](PGcancel* c) { PQfreeCancel(c); })> cancel(
        PQgetCancel(through.get()));
    std::string why(256, '\0');
    EXPECT_EQ(PQcancel(cancel.get(), why.data(), static_cast<int>(why.size())), 1) << why;
    EXPECT_TRUE(arrives(through, default_deadline));
}

TEST(tcp_proxy, gives_the_client_each_byte_of_a_reply_alone) {
    tcp_proxy proxy(shared_server());
    const connection through = connect(proxy);
    proxy.split_replies();
    const std::size_t before = proxy.split_bytes();
    ASSERT_EQ(PQsendQuery(through.get(), "select 'twelve bytes'"), 1);
    std::size_t arrivals = 0;
    while (PQisBusy(through.get()) != 0) {
        ASSERT_TRUE(arrives(through, default_deadline));
        int size = 0;
        ASSERT_EQ(::ioctl(PQsocket(through.get()), FIONREAD, &size), 0);
        ASSERT_EQ(size, 1);
        ASSERT_EQ(PQconsumeInput(through.get()), 1);
        ++arrivals;
    }
    EXPECT_GT(arrivals, 50U);
    EXPECT_GE(proxy.split_bytes(), before + arrivals);
    const std::unique_ptr<PGresult, decltype([](PGresult* r) { PQclear(r); })> result(
        PQgetResult(through.get()));
    EXPECT_STREQ(PQgetvalue(result.get(), 0, 0), "twelve bytes");
    EXPECT_EQ(PQtransactionStatus(through.get()), PQTRANS_ACTIVE) << "the end of the reply is under way";
    EXPECT_EQ(PQgetResult(through.get()), nullptr);
    EXPECT_EQ(PQtransactionStatus(through.get()), PQTRANS_IDLE);
}

TEST(tcp_proxy, can_log_in_byte_by_byte_and_waits_for_a_client_that_does_not_read) {
    tcp_proxy proxy(shared_server());
    proxy.split_replies();
    const connection through = connect(proxy);
    ASSERT_EQ(PQsendQuery(through.get(), "select repeat('z', 1000)"), 1);
    ASSERT_TRUE(arrives(through, default_deadline));
    const std::size_t before = proxy.split_bytes();
    EXPECT_FALSE(eventually([&] { return proxy.split_bytes() != before; }, 50ms));
    proxy.forward();
    const std::unique_ptr<PGresult, decltype([](PGresult* r) { PQclear(r); })> result(
        PQgetResult(through.get()));
    EXPECT_STREQ(PQgetvalue(result.get(), 0, 0), std::string(1000, 'z').c_str());
}

TEST(tcp_proxy, stalls_in_both_directions_until_it_forwards_again) {
    tcp_proxy proxy(shared_server());
    observer look(shared_server().conninfo());
    const connection through = connect(proxy);
    const connection other = connect(proxy);
    const auto in_transaction = [&] {
        return look.value("select xact_start is not null from pg_stat_activity where pid = " +
                          std::to_string(PQbackendPID(through.get()))) == "t";
    };
    proxy.stall();
    ASSERT_EQ(PQsendQuery(through.get(), "begin"), 1);
    look.exec("select pg_terminate_backend(" + std::to_string(PQbackendPID(other.get())) + ")");
    EXPECT_FALSE(arrives(through, 50ms));
    EXPECT_FALSE(arrives(other, 50ms)) << "an end is silent, too";
    EXPECT_FALSE(in_transaction()) << "nothing has reached the server";
    proxy.forward();
    EXPECT_TRUE(arrives(through, default_deadline));
    EXPECT_TRUE(in_transaction());
    EXPECT_TRUE(arrives(other, default_deadline));
}

TEST(tcp_proxy, accepts_while_it_stalls_and_says_nothing) {
    tcp_proxy proxy(shared_server());
    proxy.stall();
    const connection late(PQconnectStart(proxy.conninfo().c_str()));
    const auto waits = [&] {
        for (auto next = PGRES_POLLING_WRITING;;) {
            pollfd socket{PQsocket(late.get()),
                          static_cast<short>(next == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
            if (::poll(&socket, 1, 100) == 0)
                return next == PGRES_POLLING_READING;
            next = PQconnectPoll(late.get());
            if (next != PGRES_POLLING_READING && next != PGRES_POLLING_WRITING)
                return false;
        }
    };
    EXPECT_TRUE(waits());
    EXPECT_EQ(PQstatus(late.get()), CONNECTION_AWAITING_RESPONSE);
}

TEST(tcp_proxy, resets_one_connection_or_all) {
    tcp_proxy proxy(shared_server());
    observer look(shared_server().conninfo());
    const connection first = connect(proxy);
    const connection second = connect(proxy);
    const connection third = connect(proxy);
    proxy.reset(first.get());
    EXPECT_TRUE(finds_itself_closed(first));
    EXPECT_EQ(proxy.connections(), 2U);
    EXPECT_THROW(proxy.reset(first.get()), std::exception);
    proxy.reset();
    for (const auto* each : {&second, &third})
        EXPECT_TRUE(finds_itself_closed(*each));
    EXPECT_EQ(proxy.connections(), 0U);
    for (const auto* each : {&first, &second, &third}) {
        EXPECT_TRUE(eventually([&] {
            return look.value("select count(*) from pg_stat_activity where pid = " +
                              std::to_string(PQbackendPID(each->get()))) == "0";
        })) << "the server has seen it, too";
    }
    EXPECT_EQ(observer(proxy.conninfo()).value("select 1"), "1");
}

TEST(tcp_proxy, resets_the_connection_that_the_server_knows_by_a_port) {
    const tcp_proxy by_tcp(shared_server());
    tcp_proxy proxy(static_cast<const server&>(by_tcp));
    const connection first = connect(proxy);
    const connection second = connect(proxy);
    const auto ports = proxy.upstream_ports();
    ASSERT_EQ(ports.size(), 2U);
    EXPECT_TRUE(proxy.reset(ports.front()));
    EXPECT_TRUE(finds_itself_closed(first));
    EXPECT_EQ(proxy.upstream_ports(), std::vector{ports.back()});
    EXPECT_FALSE(proxy.reset(ports.front())) << "it is no longer open";
    EXPECT_FALSE(arrives(second, 50ms));
}

TEST(tcp_proxy, refuses_to_reset_a_connection_that_is_not_its_own) {
    tcp_proxy proxy(shared_server());
    tcp_proxy another(shared_server());
    const connection through = connect(another);
    EXPECT_THROW(proxy.reset(through.get()), std::logic_error);
}

TEST(tcp_proxy, delays_each_way_and_can_stop_that) {
    tcp_proxy proxy(shared_server());
    observer through(proxy.conninfo());
    const auto time = [&] {
        const auto begin = clock::now();
        through.exec("select 1");
        return clock::now() - begin;
    };
    constexpr auto each_way = lateness / 2; // more than a round trip takes without it
    proxy.delay(each_way);
    const auto delayed = time();
    EXPECT_GE(delayed, 2 * each_way);
    EXPECT_LT(delayed, 2 * each_way + lateness);
    proxy.forward();
    EXPECT_LT(time(), lateness);
}

TEST(tcp_proxy, can_end_while_everything_is_under_way) {
    auto proxy = std::make_unique<tcp_proxy>(shared_server());
    const connection through = connect(*proxy);
    proxy->stall();
    ASSERT_EQ(PQsendQuery(through.get(), "select 1"), 1);
    proxy.reset();
    EXPECT_TRUE(finds_itself_closed(through));
}

TEST(tcp_proxy, says_that_there_is_no_server) {
    EXPECT_THROW(const tcp_proxy proxy(server("host=/nonexistent")), sql_error);
}

} // namespace
} // namespace pglocks::test
