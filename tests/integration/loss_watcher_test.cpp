// SPDX-License-Identifier: BSL-1.0
// One thread tells of the loss of any number of locks, without touching their connections.
#include <pglocks/loss_watcher.hpp>

#include "integration/lock_test.hpp"
#include "support/messages.hpp"
#include "support/postgres_server.hpp"
#include "support/process_info.hpp"
#include "support/tcp_proxy.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <iostream>
#include <iterator>
#include <linux/sockios.h>
#include <list>
#include <new>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

thread_local bool out_of_memory = false; ///< in this thread nothing can be allocated

} // namespace
} // namespace pglocks::test

// Weak, since ThreadSanitizer brings its own, under which memory does not run out.
[[gnu::weak]] void* operator new(std::size_t size) {
    void* const memory = pglocks::test::out_of_memory ? nullptr : std::malloc(std::max<std::size_t>(size, 1));
    if (!memory) {
        throw std::bad_alloc();
    }
    return memory;
}
[[gnu::weak]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class watcher : public lock_test {
protected:
    void terminate(int backend) {
        look_.exec("select pg_terminate_backend(" + std::to_string(backend) + ")");
    }
    [[nodiscard]] static bool stopped(const loss_watch& watch) {
        return eventually([&] { return watch.token().stop_requested(); });
    }

    /// When the backend of a_ has last begun or ended a statement.
    [[nodiscard]] std::string last_statement() { return last_statement(backend_); }
    [[nodiscard]] std::string last_statement(int backend) {
        return look_.value("select state_change from pg_stat_activity where pid = " +
                           std::to_string(backend));
    }
    [[nodiscard]] bool beats(int backend) {
        const auto before = last_statement(backend);
        return eventually([&] { return last_statement(backend) != before; });
    }

    loss_watcher watcher_;
    int backend_ = pid(a_);
};

TEST_F(watcher, asks_to_stop_when_the_backend_has_ended) {
    const advisory_lock lock(a_, 1);
    const advisory_lock other(b_, 2);
    const auto watch = watcher_.watch(lock);
    const auto quiet = watcher_.watch(other);
    EXPECT_FALSE(watch.token().stop_requested());
    const wire_trace wire(a_);
    terminate(pid(a_));
    EXPECT_TRUE(stopped(watch));
    EXPECT_TRUE(lock.lost());
    EXPECT_TRUE(wire.messages().empty());
    EXPECT_FALSE(quiet.token().stop_requested());
}

TEST_F(watcher, lets_the_owner_use_the_connection_and_takes_nothing_else_for_a_loss) {
    advisory_lock lock(a_, 1);
    const auto watch = watcher_.watch(lock);
    query(a_, "listen something");
    query(b_, "notify something");
    query(a_, "do $$ begin raise notice 'hello'; end $$");
    EXPECT_EQ(query(a_, "select count(*) from generate_series(1, 100000)"), "100000");
    lock.unlock();
    lock.lock();
    EXPECT_FALSE(watch.token().stop_requested());
    terminate(pid(a_));
    EXPECT_TRUE(stopped(watch));
}

TEST_F(watcher, tells_while_rows_are_unread) {
    const advisory_lock lock(a_, 1);
    const auto watch = watcher_.watch(lock);
    PGconn* const conn = libpq(a_);
    ASSERT_EQ(PQsendQuery(conn, "select repeat('x', 1000) from generate_series(1, 1000)"), 1);
    terminate(pid(a_));
    EXPECT_TRUE(stopped(watch));
}

TEST_F(watcher, tells_of_the_end_on_this_side_too) {
    for (const auto& end : std::vector<std::function<void(soci::session&)>>{
             [](auto& s) { s.reconnect(); }, [](auto& s) { s.close(); },
             [](auto& s) { query(s, "discard all"); }, [](auto& s) { PQreset(libpq(s)); }}) {
        soci::session session = connect();
        const advisory_lock lock(session, 1);
        const auto watch = watcher_.watch(lock);
        end(session);
        EXPECT_TRUE(watch.token().stop_requested()) << "at once, in this thread";
        EXPECT_FALSE(lock.owns_lock());
        EXPECT_TRUE(nothing_left());
    }
}

TEST_F(watcher, does_not_mistake_another_connection_with_the_number_of_a_closed_socket) {
    std::optional<soci::session> session(std::in_place, soci::postgresql, conninfo());
    std::optional<advisory_lock> lock(std::in_place, *session, 1);
    const auto watch = watcher_.watch(*lock);
    lock.reset();
    session.reset();
    EXPECT_TRUE(watch.token().stop_requested());
    soci::session next = connect();
    const advisory_lock held(next, 1);
    const auto second = watcher_.watch(held);
    EXPECT_FALSE(second.token().stop_requested());
    terminate(pid(next));
    EXPECT_TRUE(stopped(second));
}

TEST_F(watcher, does_not_tell_when_the_watch_has_ended) {
    const advisory_lock lock(a_, 1);
    std::optional<loss_watch> watch(watcher_.watch(lock));
    const auto token = watch->token();
    const auto second = watcher_.watch(lock);
    watch.reset();
    terminate(pid(a_));
    EXPECT_TRUE(stopped(second));
    EXPECT_FALSE(token.stop_requested());
}

TEST_F(watcher, can_be_moved_from_and_outlived) {
    std::optional<loss_watcher> short_lived(std::in_place);
    const advisory_lock lock(a_, 1);
    loss_watch first = short_lived->watch(lock);
    loss_watch second = std::move(first);
    first = watcher_.watch(lock);
    short_lived.reset();
    terminate(pid(a_));
    EXPECT_TRUE(stopped(first));
    EXPECT_TRUE(stopped(second)) << "as long as it lives";
}

TEST_F(watcher, may_be_left_by_a_callback) {
    const advisory_lock lock(a_, 1);
    std::optional<loss_watch> watch(watcher_.watch(lock));
    std::atomic<bool> called = false;
    const std::stop_callback callback(watch->token(), [&] {
        watch.reset();
        called = true;
    });
    terminate(pid(a_));
    EXPECT_TRUE(eventually([&] { return called.load(); }));
    EXPECT_FALSE(watch.has_value());
}

TEST_F(watcher, refuses_a_lock_that_is_not_owned) {
    advisory_lock lock(a_, 1, std::defer_lock);
    const auto refused_watch = [&] { const auto watch = watcher_.watch(lock); };
    EXPECT_EQ(error_of<std::system_error>(refused_watch).code(), std::errc::operation_not_permitted);
    const advisory_lock none;
    EXPECT_THROW(static_cast<void>(watcher_.watch(none)), std::system_error);
}

TEST_F(watcher, watches_locks_of_every_kind) {
    soci::connection_pool pool(1);
    pool.at(0).open(soci::postgresql, conninfo());
    const shared_advisory_lock pooled(pool, 1);
    transaction within(a_);
    const transaction_advisory_lock in_transaction(within, 2);
    const auto first = watcher_.watch(pooled);
    const auto second = watcher_.watch(in_transaction);
    terminate(pid(a_));
    EXPECT_TRUE(stopped(second));
    EXPECT_FALSE(first.token().stop_requested());
    terminate(pooled.backend_pid());
    EXPECT_TRUE(stopped(first));
    EXPECT_TRUE(eventually([&] { return pooled.lost(); }));
}

TEST_F(watcher, ends_a_wait_on_another_session) {
    const advisory_lock held(b_, 7);
    const advisory_lock lock(a_, 1);
    const auto watch = watcher_.watch(lock);
    soci::session third = connect();
    auto waiter = in_background([&, stop = watch.token()] {
        advisory_lock next(third, 7, std::defer_lock);
        return next.lock(stop);
    });
    ASSERT_TRUE(queued(7));
    terminate(pid(a_));
    EXPECT_FALSE(waiter.result());
}

TEST_F(watcher, has_one_thread_for_a_thousand_watches) {
    const auto threads = [] {
        const std::filesystem::directory_iterator tasks("/proc/self/task");
        return std::distance(begin(tasks), end(tasks));
    };
    const auto before = threads();
    std::list<soci::session> sessions;
    std::list<shared_advisory_lock> locks;
    std::vector<loss_watch> watches;
    constexpr int connections = 50;
    for (int i = 0; i < connections; ++i) {
        locks.emplace_back(sessions.emplace_back(soci::postgresql, conninfo()), 1);
    }
    while (watches.size() < 1000) {
        for (const auto& lock : locks) {
            watches.push_back(watcher_.watch(lock));
        }
    }
    EXPECT_EQ(threads(), before);
    terminate(pid(sessions.front()));
    EXPECT_TRUE(stopped(watches.front()));
    EXPECT_FALSE(watches.back().token().stop_requested());
    end_all_others(look_);
    for (const auto& watch : watches) {
        EXPECT_TRUE(stopped(watch));
    }
}

TEST_F(watcher, gives_a_connection_back_after_a_heartbeat) {
    advisory_lock lock(a_, 1);
    for (const char* const state : {"idle", "in a transaction", "in a failed transaction"}) {
        if (state != std::string_view("idle")) {
            query(a_, "begin");
        }
        if (state == std::string_view("in a failed transaction")) {
            EXPECT_THROW(query(a_, "select 1 / 0"), sql_error);
        }
        for (int round = 0; round < 20; ++round) {
            const auto watch = watcher_.watch(lock, heartbeat{.every = 1ms, .within = 5s});
            EXPECT_TRUE(beats(backend_)) << state;
            EXPECT_FALSE(watch.token().stop_requested());
        }
        query(a_, "rollback");
        EXPECT_EQ(query(a_, "select 42"), "42") << state;
    }
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_TRUE(nothing_left());
}

TEST_F(watcher, has_a_heartbeat_that_needs_no_values) {
    const advisory_lock lock(a_, 1);
    const auto watch = watcher_.watch(lock, {});
    EXPECT_TRUE(beats(backend_));
    EXPECT_FALSE(watch.token().stop_requested());
}

TEST_F(watcher, refuses_a_heartbeat_whose_times_are_not_positive) {
    const advisory_lock lock(a_, 1);
    const auto descriptors = [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    const auto before = descriptors();
    for (const auto beat :
         {heartbeat{.every = 0ms}, heartbeat{.every = -1ms}, heartbeat{.within = 0ms},
          heartbeat{.within = -1ms}, heartbeat{.every = std::chrono::milliseconds::min()}}) {
        const auto refusal = error_of<refused>([&] { const auto watch = watcher_.watch(lock, beat); });
        EXPECT_TRUE(contains(refusal.what(), std::to_string(beat.every.count()) + " ms")) << refusal.what();
        EXPECT_TRUE(contains(refusal.advice(), "positive")) << refusal.advice();
    }
    EXPECT_EQ(descriptors(), before);
}

TEST_F(watcher, takes_the_greatest_times_of_a_heartbeat_for_never) {
    constexpr auto never = std::chrono::milliseconds::max();
    const advisory_lock lock(a_, 1);
    const advisory_lock other(b_, 2);
    const auto before = last_statement();
    const auto quiet = watcher_.watch(lock, {.every = never, .within = never});
    const auto patient = watcher_.watch(other, {.every = 1ms, .within = never});
    for (int beat = 0; beat < 10; ++beat) {
        EXPECT_TRUE(beats(pid(b_)));
    }
    EXPECT_EQ(last_statement(), before);
    EXPECT_FALSE(quiet.token().stop_requested());
    EXPECT_FALSE(patient.token().stop_requested());
}

TEST_F(watcher, sends_pending_releases_before_it_borrows_the_session) {
    tcp_proxy proxy(shared_server());
    soci::session session(soci::postgresql, proxy.conninfo());
    const advisory_lock lock(session, 1);
    advisory_lock ended(session, 2);
    query(session, "begin");
    ended.unlock();
    PQsetnonblocking(libpq(session), 1); // the end of the reply is not waited for
    proxy.split_replies();
    query(session, "commit");
    ASSERT_TRUE(ended.pending());
    const auto watch = watcher_.watch(lock, {.every = 24h});
    EXPECT_TRUE(owners(2).empty());
    EXPECT_FALSE(watch.token().stop_requested());
}

TEST_F(watcher, works_on_without_memory) {
    const advisory_lock first(a_, 1);
    const advisory_lock second(b_, 2);
    soci::session session = connect();
    const advisory_lock third(session, 3);
    const auto beating = watcher_.watch(second, {.every = 1ms, .within = 1min});
    const auto quiet = watcher_.watch(third);
    {
        const auto watch = watcher_.watch(first);
        std::atomic<bool> starved = false;
        const std::stop_callback starve(watch.token(), [&] { starved = out_of_memory = true; });
        terminate(backend_);
        ASSERT_TRUE(eventually([&] { return starved.load(); })) << "in the watcher's thread";
    }
    for (int beat = 0; beat < 10; ++beat) {
        EXPECT_TRUE(beats(pid(b_)));
    }
    EXPECT_FALSE(quiet.token().stop_requested());
    end_all_others(look_);
    EXPECT_TRUE(stopped(quiet));
    EXPECT_TRUE(stopped(beating));
}

TEST_F(watcher, takes_for_lost_what_it_cannot_watch_any_more) {
    const auto epolls = [] {
        std::set<std::string> all;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code closed;
            if (std::filesystem::read_symlink(entry.path(), closed) == "anon_inode:[eventpoll]") {
                all.insert(entry.path().filename());
            }
        }
        return all;
    };
    const auto before = epolls();
    loss_watcher blinded;
    std::vector<std::string> fresh;
    std::ranges::set_difference(epolls(), before, std::back_inserter(fresh));
    ASSERT_EQ(fresh.size(), 1U);
    const advisory_lock lock(a_, 1);
    const advisory_lock other(b_, 2);
    const auto quiet = blinded.watch(lock);
    {
        const auto beating = blinded.watch(other, {.every = 1ms, .within = 1min});
        const postgres::descriptor something(::open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null");
        // As a program does that closes all descriptors. Not through the C library, where ThreadSanitizer
        // would complain that the watcher's thread uses this one.
        ASSERT_GE(::syscall(SYS_dup3, something.get(), std::stoi(fresh.front()), O_CLOEXEC), 0);
        EXPECT_TRUE(stopped(beating));
        EXPECT_TRUE(stopped(quiet));
    }
    EXPECT_TRUE(lock.lost());
    EXPECT_TRUE(other.lost());
    soci::session third = connect();
    const advisory_lock next(third, 3);
    EXPECT_THROW(static_cast<void>(blinded.watch(next)), std::system_error);
}

/// A session on a server of its own: on another machine no process can be stopped.
class watcher_of_a_stopped_backend : public watcher {
protected:
    class stopped_process {
    public:
        explicit stopped_process(int process) : process_(process) {
            EXPECT_EQ(::kill(process, SIGSTOP), 0);
            EXPECT_TRUE(eventually([&] {
                const auto now = find_process(process);
                return now && now->state == 'T';
            }));
        }
        ~stopped_process() { resume(); }
        stopped_process(const stopped_process&) = delete;
        stopped_process& operator=(const stopped_process&) = delete;

        void resume() const noexcept { ::kill(process_, SIGCONT); }

    private:
        int process_;
    };

    /// Whether something is on its way to the backend, which was stopped before it was watched, lest it be
    /// stopped between reading and answering: a heartbeat. Linux counts what the other end of a Unix socket
    /// has not read.
    [[nodiscard]] bool asked() const {
        return eventually([&] {
            int unread = 0;
            return ::ioctl(socket_, SIOCOUTQ, &unread) == 0 && unread > 0;
        });
    }

    /// The two orders in which a watch and its watcher may end.
    static constexpr auto orders = {true, false};
    static void end(std::optional<loss_watcher>& watcher, std::optional<loss_watch>& watch,
                    bool watcher_first) {
        if (watcher_first) {
            watcher.reset();
        }
        watch.reset();
        watcher.reset();
    }

    postgres_server server_;
    soci::session session_{soci::postgresql, server_.conninfo()};
    int process_ = pid(session_);
    int socket_ = PQsocket(libpq(session_));
};

TEST_F(watcher_of_a_stopped_backend, notices_its_silence_by_a_heartbeat) {
    const advisory_lock lock(session_, 1);
    const auto plain = watcher_.watch(lock);
    {
        const auto watch = watcher_.watch(lock, heartbeat{.every = 10ms, .within = 2s});
        const stopped_process silent(process_);
        EXPECT_TRUE(stopped(watch));
    }
    EXPECT_TRUE(stopped(plain)) << "the connection was shut down";
    EXPECT_TRUE(lock.lost());
}

TEST_F(watcher_of_a_stopped_backend, leaves_no_answer_unread_whichever_ends_first) {
    advisory_lock lock(session_, 1);
    for (const bool watcher_first : orders) {
        stopped_process silent(process_);
        std::optional<loss_watcher> ends(std::in_place);
        std::optional<loss_watch> watch(ends->watch(lock, {.every = 1ms, .within = 1min}));
        const auto token = watch->token();
        ASSERT_TRUE(asked());
        if (watcher_first) {
            ends.reset();
        }
        silent.resume();
        end(ends, watch, watcher_first);
        EXPECT_FALSE(token.stop_requested());
        EXPECT_TRUE(try_advisory_lock(session_, 2).owns_lock()) << "ended first: " << watcher_first;
        EXPECT_EQ(query(session_, "select 42"), "42");
    }
    EXPECT_NO_THROW(lock.unlock());
}

TEST_F(watcher_of_a_stopped_backend, makes_the_loss_known_whichever_ends_first) {
    for (const bool watcher_first : orders) {
        soci::session session(soci::postgresql, server_.conninfo());
        socket_ = PQsocket(libpq(session));
        advisory_lock lock(session, 1);
        const stopped_process silent(pid(session));
        std::optional<loss_watcher> ends(std::in_place);
        std::optional<loss_watch> watch(ends->watch(lock, {.every = 1ms, .within = 200ms}));
        const auto token = watch->token();
        ASSERT_TRUE(asked());
        end(ends, watch, watcher_first);
        EXPECT_TRUE(token.stop_requested()) << "the watcher ended first: " << watcher_first;
        EXPECT_TRUE(lock.lost());
        EXPECT_FALSE(lock.owns_lock());
        EXPECT_THROW(lock.lock(), connection_lost);
        EXPECT_EQ(PQstatus(libpq(session)), CONNECTION_BAD);
    }
}

TEST_F(watcher_of_a_stopped_backend, watches_others_while_a_watch_waits_for_its_answer) {
    advisory_lock lock(session_, 1);
    const advisory_lock other(a_, 1);
    stopped_process silent(process_);
    std::optional<loss_watch> slow(watcher_.watch(lock, {.every = 1ms, .within = 1min}));
    ASSERT_TRUE(asked());
    auto waits = in_background([&] {
        slow.reset();
        return true;
    });
    EXPECT_TRUE(eventually([&] { return waits.sleeps(); }));
    auto others = in_background([&] {
        const auto watch = watcher_.watch(other);
        terminate(backend_);
        return stopped(watch);
    });
    EXPECT_TRUE(others.ended(default_deadline));
    EXPECT_FALSE(waits.ended());
    silent.resume();
    EXPECT_TRUE(others.result());
    EXPECT_TRUE(waits.result());
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_EQ(query(session_, "select 42"), "42");
}

/// What the callbacks of many tokens write down, all in the watcher's thread.
class told_losses {
public:
    void operator()() noexcept {
        timespec used{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
        cpu_time_ = (std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec)).count();
        last_ = std::chrono::steady_clock::now();
        ++count_;
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] std::chrono::steady_clock::time_point last() const noexcept { return last_; }
    /// What the thread has used, up to the last loss.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const noexcept {
        return std::chrono::nanoseconds(cpu_time_);
    }

private:
    std::atomic<std::int64_t> cpu_time_ = 0;
    std::atomic<std::chrono::steady_clock::time_point> last_{};
    std::atomic<std::size_t> count_ = 0;
};

/// Takes as many descriptors as the system lets this program have. \returns how many.
[[nodiscard]] std::size_t raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

TEST_F(watcher, tells_thousands_of_watches_when_a_server_ends_with_all_its_connections) {
    constexpr std::size_t most_connections = 1200;
    constexpr std::size_t spare = 200; // descriptors for all else
    const std::size_t descriptors = raise_descriptor_limit();
    ASSERT_GT(descriptors, 2 * spare) << "raise the limit of open files: ulimit -n 8192";
    const std::size_t connections = std::min(most_connections, (descriptors - spare) / 4);
    const std::size_t count = std::min(4 * connections, descriptors - spare - connections);

    postgres_server server{{"max_connections", std::to_string(most_connections + 10)},
                           {"max_locks_per_transaction", "10"},
                           {"shared_buffers", "4MB"}};
    std::list<soci::session> sessions;
    std::list<shared_advisory_lock> locks;
    for (std::size_t i = 0; i < connections; ++i) {
        auto& session = sessions.emplace_back(soci::postgresql, server.conninfo());
        PQsetNoticeProcessor(libpq(session), [](void*, const char*) {}, nullptr); // each says the same
        locks.emplace_back(session, 1);
    }
    told_losses told;
    std::list<loss_watch> watches;
    std::list<std::stop_callback<std::reference_wrapper<told_losses>>> callbacks;
    const auto watch = [&](const auto& lock) {
        callbacks.emplace_back(watches.emplace_back(watcher_.watch(lock)).token(), std::ref(told));
    };
    for (auto lock = locks.begin(); watches.size() < count;) {
        watch(*lock);
        if (++lock == locks.end()) {
            lock = locks.begin();
        }
    }
    // One loss first: what the thread has used until then.
    ASSERT_EQ(::kill(pid(sessions.front()), SIGTERM), 0);
    const std::size_t of_the_first = (count + connections - 1) / connections;
    ASSERT_TRUE(eventually([&] { return told.count() == of_the_first; }));
    const auto used = told.cpu_time();

    const auto start = std::chrono::steady_clock::now();
    server.stop(postgres_server::shutdown::immediate);
    const auto ended = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return told.count() == count; })) << told.count() << " of " << count;
    EXPECT_TRUE(std::ranges::all_of(watches, [](const auto& w) { return w.token().stop_requested(); }));

    const auto milliseconds = [](auto time) {
        return std::chrono::duration<double, std::milli>(time).count();
    };
    std::cout << connections << " connections, " << count << " watches: the server was gone after "
              << milliseconds(ended - start) << " ms, all tokens told after "
              << milliseconds(told.last() - start) << " ms, for which the watcher's thread has used "
              << milliseconds(told.cpu_time() - used) << " ms\n";
    RecordProperty("all_told_after_ms", static_cast<int>(milliseconds(told.last() - start)));
    RecordProperty("used_cpu_ms", static_cast<int>(milliseconds(told.cpu_time() - used)));
}

} // namespace
} // namespace pglocks::test
