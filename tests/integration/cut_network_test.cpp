// SPDX-License-Identifier: BSL-1.0
// With the preset no call waits for ever on a network that is cut: the client runs in a network namespace of
// its own, whose only wire to the server is cut in two ways.
#include <pglocks/loss_watcher.hpp>
#include <pglocks/postgres/session_preset.hpp>

#include "integration/lock_test.hpp"
#include "support/postgres_server.hpp"
#include "support/remote_network.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <latch>
#include <mutex>
#include <sched.h>
#include <stop_token>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr session_preset preset{.network_timeout = 3s, .patience = 200ms};

/// Moves the calling thread, and the sockets it will open, to another network.
void enter(const remote_network& network) {
    const int there = ::open(network.path().c_str(), O_RDONLY | O_CLOEXEC);
    const bool entered = there >= 0 && ::setns(there, CLONE_NEWNET) == 0;
    const int why = errno;
    if (there >= 0) {
        ::close(there);
    }
    if (!entered) {
        throw std::system_error(why, std::generic_category(), network.path());
    }
}

/// When everybody is ready the network is cut.
class cut {
public:
    explicit cut(std::ptrdiff_t clients) : ready_(clients) {}

    void ready() { ready_.count_down(); }
    void await() { done_.wait(); }
    void ready_and_await() {
        ready();
        await();
    }

    void await_all_ready() { ready_.wait(); }
    void happens() {
        moment_ = clock::now();
        done_.count_down();
    }
    [[nodiscard]] std::chrono::milliseconds ago() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - moment_);
    }

private:
    std::latch ready_;
    std::latch done_{1};
    clock::time_point moment_;
};

/// What a client does, in a thread and on a session of its own.
struct client {
    std::string does;
    std::chrono::milliseconds bound; ///< of the call, from the cut on
    std::function<void(soci::session&, cut&)> body;
    bool waits = false; ///< its call is in the server's queue when the network is cut
};

constexpr std::int64_t taken = 999;

/// What every call must do: end, in one of these ways.
template <class Call>
void ends_with_loss(const Call& call) {
    EXPECT_THROW(call(), connection_lost);
}

std::vector<client> clients() {
    constexpr std::chrono::milliseconds network = preset.network_timeout;
    return {
        {"unlock()", network,
         [](auto& session, auto& wire) {
             advisory_lock lock(session, 1);
             wire.ready_and_await();
             EXPECT_NO_THROW(lock.unlock());
             EXPECT_TRUE(lock.lost());
         }},
        {"the destructor", network,
         [](auto& session, auto& wire) {
             const advisory_lock lock(session, 2);
             wire.ready_and_await();
         }},
        {"try_lock()", network,
         [](auto& session, auto& wire) {
             wire.ready_and_await();
             ends_with_loss([&] { const try_advisory_lock lock(session, 3); });
         }},
        {"lock() in the queue", network,
         [](auto& session, auto& wire) {
             wire.ready();
             ends_with_loss([&] { const advisory_lock lock(session, taken); });
         },
         true},
        {"lost(), then the check of a watcher", network,
         [](auto& session, auto& wire) {
             const advisory_lock lock(session, 4);
             loss_watcher watcher;
             const auto watch = watcher.watch(lock);
             wire.ready_and_await();
             const auto before = clock::now();
             static_cast<void>(lock.lost());
             EXPECT_LT(clock::now() - before, 1s) << "it asks nobody";
             EXPECT_TRUE(eventually([&] { return watch.token().stop_requested(); }));
             EXPECT_TRUE(lock.lost());
         }},
        {"the check of a heartbeat", 600ms,
         [](auto& session, auto& wire) {
             const advisory_lock lock(session, 5);
             loss_watcher watcher;
             const auto watch = watcher.watch(lock, heartbeat{.every = 100ms, .within = 500ms});
             wire.ready_and_await();
             EXPECT_TRUE(eventually([&] { return watch.token().stop_requested(); }));
         }},
        {"try_lock_for(500ms), after the cut", 700ms,
         [](auto& session, auto& wire) {
             wire.ready_and_await();
             ends_with_loss([&] { const timed_advisory_lock lock(session, 6, 500ms); });
         }},
        {"try_lock_for(2s) in the queue", 2200ms,
         [](auto& session, auto& wire) {
             wire.ready();
             try { // the server's own answer may still come through
                 const timed_advisory_lock lock(session, taken, 2s);
                 EXPECT_FALSE(lock.owns_lock());
             } catch (const connection_lost&) {
             }
         },
         true},
        {"polling for 500ms", 700ms,
         [](auto& session, auto& wire) {
             wire.ready_and_await();
             ends_with_loss([&] { const polled_advisory_lock lock(session, taken, 500ms); });
         }},
        {"lock(stop) in the queue, stopped at the cut", 200ms,
         [](auto& session, auto& wire) {
             std::stop_source source;
             advisory_lock lock(session, taken, std::defer_lock);
             auto waiting = std::async(std::launch::async, [&] {
                 ends_with_loss([&] { static_cast<void>(lock.lock(source.get_token())); });
             });
             wire.ready_and_await();
             source.request_stop();
             waiting.get();
         },
         true},
        {"release in a transaction, then its rollback", network,
         [](auto& session, auto& wire) {
             advisory_lock lock(session, 7);
             transaction within(session);
             lock.unlock();
             wire.ready_and_await();
             EXPECT_THROW(within.rollback(), soci::soci_error);
             EXPECT_FALSE(release_pending(session) && lock.owns_lock());
         }},
    };
}

class cut_network : public testing::TestWithParam<remote_network::way> {
protected:
    cut_network() {
        std::ofstream(server_.directory() / "data/pg_hba.conf", std::ios::app)
            << "host all all " << network_.far_address() << "/32 trust\n";
        look_.exec("select pg_reload_conf()");
    }

    [[nodiscard]] std::string remote_conninfo() const {
        return "host=" + network_.near_address() + " user=postgres dbname=postgres";
    }

    remote_network network_;
    postgres_server server_{{"listen_addresses", network_.near_address()}};
    observer look_{server_.conninfo()};
    soci::session beside_{soci::postgresql, server_.conninfo()};
};

TEST_P(cut_network, delays_no_call_beyond_its_bound) {
    advisory_lock obstacle(beside_, taken);
    std::vector<client> all = clients();
    cut wire(static_cast<std::ptrdiff_t>(all.size()));
    std::vector<std::future<std::chrono::milliseconds>> calls;
    bool by_connection_string = false;
    for (const client& c : all) {
        by_connection_string = !by_connection_string;
        calls.push_back(std::async(std::launch::async, [&, by_connection_string] {
            enter(network_);
            soci::session session(soci::postgresql, by_connection_string ? preset.conninfo(remote_conninfo())
                                                                         : remote_conninfo());
            if (!by_connection_string) {
                preset.apply(session);
            }
            c.body(session, wire);
            return wire.ago();
        }));
    }
    wire.await_all_ready();
    const auto waiting = std::count_if(all.begin(), all.end(), [](const client& c) { return c.waits; });
    ASSERT_TRUE(eventually([&] { return std::ssize(look_.waiters(taken)) == waiting; }));
    network_.cut(GetParam());
    wire.happens();
    for (std::size_t i = 0; i < all.size(); ++i) {
        ASSERT_EQ(calls[i].wait_for(30s), std::future_status::ready) << all[i].does;
        const auto took = calls[i].get();
        std::cout << "  " << all[i].does << ": ended after " << took.count() << " ms, bound "
                  << all[i].bound.count() << " ms\n";
        EXPECT_LT(took, all[i].bound + lateness) << all[i].does;
    }
    obstacle.unlock();
    EXPECT_TRUE(eventually([&] { return look_.advisory_locks().empty(); })) << "the server has noticed, too";
    std::cout << "  the server: released everything after " << wire.ago().count() << " ms\n";
}

INSTANTIATE_TEST_SUITE_P(, cut_network,
                         testing::Values(remote_network::way::blackhole, remote_network::way::wire),
                         [](const auto& way) {
                             return way.param == remote_network::way::wire ? "wire" : "blackhole";
                         });

TEST(session_preset, refuses_bounds_that_it_cannot_keep) {
    EXPECT_THROW(static_cast<void>(session_preset{.network_timeout = 2s}.conninfo("")), refused);
    EXPECT_THROW(static_cast<void>(session_preset{.patience = 1ms}.conninfo("")), refused);
}

TEST(session_preset, refuses_a_connection_string_without_repeating_it) {
    const auto error =
        error_of<refused>([] { static_cast<void>(preset.conninfo("password=hunter2 nonsense")); });
    EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
}

TEST_F(lock_test, a_preset_keeps_what_the_connection_string_has) {
    for (const std::string& given :
         {conninfo() + " application_name='it\\'s it' options='-c lock_timeout=1234'",
          conninfo() + R"( application_name='a \\ b')"}) {
        observer plain(given); // libpq's own reading: SOCI 4.0 takes no value with a space
        observer with_preset(preset.conninfo(given));
        for (const char* const setting : {"application_name", "lock_timeout"}) {
            const std::string show = "show " + std::string(setting);
            EXPECT_EQ(with_preset.value(show), plain.value(show)) << given;
        }
    }
}

TEST_F(lock_test, a_preset_takes_effect_by_connection_string_and_on_an_open_session) {
    soci::session by_string(soci::postgresql, preset.conninfo(conninfo()));
    preset.apply(a_);
    for (soci::session* const session : {&by_string, &a_}) {
        EXPECT_EQ(query(*session, "show client_connection_check_interval"), "1s");
        const advisory_lock lock(*session, 1);
        EXPECT_EQ(postgres::connection_state::of(libpq(*session))->patience(), 200ms);
    }
}

TEST_F(lock_test, a_preset_is_refused_in_a_transaction) {
    query(a_, "begin");
    EXPECT_THROW(preset.apply(a_), refused);
    query(a_, "rollback");
    EXPECT_NO_THROW(preset.apply(a_));
}

} // namespace
} // namespace pglocks::test
