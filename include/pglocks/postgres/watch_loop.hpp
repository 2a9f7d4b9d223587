// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/heartbeat.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/descriptor.hpp>
#include <pglocks/postgres/pulse.hpp>

#include <libpq-fe.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace pglocks::postgres {

/// Waits for the loss of any number of connections in one thread: epoll on a descriptor of its own for each
/// socket, which is not read unless the connection was lent for a heartbeat.
///
/// The thread allocates nothing of its own (libpq does, for heartbeats), so that it works on when memory is
/// short: what it needs is allocated when a watch begins, and moves with the nodes of maps. What it cannot
/// watch any more it gives up as lost.
class watch_loop {
public:
    using id = std::uint64_t;

    /// *Throws*: `std::system_error` without a descriptor or a thread.
    watch_loop()
        : epoll_(::epoll_create1(EPOLL_CLOEXEC), "pglocks: no descriptor to watch connections with"),
          wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "pglocks: no descriptor to wake the watcher with") {
        control_or_throw(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, wake_id);
        thread_ = std::jthread([this](const std::stop_token& end) { run(end); });
    }
    watch_loop(const watch_loop&) = delete;
    watch_loop& operator=(const watch_loop&) = delete;
    ~watch_loop() {
        thread_.request_stop();
        wake();
        if (thread_.get_id() ==
            std::this_thread::get_id()) { // ended by a callback: it looks at nothing after that
            thread_.detach();
        }
    }

    /// Begins to watch, in the thread that uses the connection. `stop` is asked to stop when it is lost.
    /// *Throws*: `std::system_error` without a descriptor.
    [[nodiscard]] id add(connection_state& state, const std::shared_ptr<std::stop_source>& stop,
                         const std::optional<heartbeat>& beat) {
        watched w{.socket = descriptor(::fcntl(PQsocket(state.conn()), F_DUPFD_CLOEXEC, 0),
                                       "pglocks: no descriptor to watch the connection with"),
                  .stop = stop};
        if (beat) {
            w.beats.emplace(state.conn(), *beat);
        }
        state.tell_of_loss(stop);
        const std::lock_guard guard(mutex_);
        const id number = ++last_id_;
        const auto at = watched_.emplace(number, std::move(w)).first;
        try {
            if (beat) {
                at->second.scheduled = schedule_.emplace(at->second.beats->due(), number);
            }
            control_or_throw(EPOLL_CTL_ADD, at->second.socket.get(), EPOLLRDHUP, number);
        } catch (...) {
            static_cast<void>(take_out(at));
            throw;
        }
        if (beat) {
            wake();
        }
        return number;
    }

    /// Ends a watch: the connection is its owner's again. Waits for the answer to a heartbeat that is under
    /// way. \returns whether the connection has been given up as lost.
    [[nodiscard]] bool remove(id number) noexcept {
        watches::node_type ended;
        {
            const std::lock_guard guard(mutex_);
            if (const auto at = watched_.find(number); at != watched_.end()) {
                ended = take_out(at);
            }
        }
        // The loop's thread looks at it no more: it may take its time without the mutex.
        if (ended && (!ended.mapped().beats || ended.mapped().beats->finish())) {
            return false;
        }
        if (ended) {
            ::shutdown(ended.mapped().socket.get(), SHUT_RDWR);
        }
        return true;
    }

private:
    using clock = std::chrono::steady_clock;
    using times = std::multimap<clock::time_point, id>;

    struct watched {
        descriptor socket;
        std::shared_ptr<std::stop_source> stop;
        std::optional<pulse> beats{};
        std::optional<times::iterator> scheduled{}; ///< with heartbeats: when it is looked at next
    };
    using watches = std::map<id, watched>;
    using entry = watches::iterator;

    static constexpr id wake_id = 0;

    void wake() const noexcept {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    }

    [[nodiscard]] bool control(int operation, int socket, std::uint32_t events, id number) const noexcept {
        epoll_event event{};
        event.events = events;
        event.data.u64 = number;
        return ::epoll_ctl(epoll_.get(), operation, socket, &event) == 0;
    }

    void control_or_throw(int operation, int socket, std::uint32_t events, id number) const {
        if (!control(operation, socket, events, number)) {
            throw std::system_error(errno, std::generic_category(),
                                    "pglocks: a connection cannot be watched");
        }
    }

    /// The descriptor's registration is removed first: it would outlive the descriptor with the socket it
    /// shares.
    [[nodiscard]] watches::node_type take_out(entry at) noexcept {
        watched& w = at->second;
        if (w.scheduled) {
            schedule_.erase(*w.scheduled);
        }
        static_cast<void>(control(EPOLL_CTL_DEL, w.socket.get(), 0, at->first));
        return watched_.extract(at);
    }

    void run(const std::stop_token& end) noexcept {
        std::array<epoll_event, 64> events{};
        while (!end.stop_requested()) {
            const int count =
                ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), time_to_wait());
            const bool blind = count < 0 && errno != EINTR; // the program has closed our descriptor
            watches lost;
            {
                const std::lock_guard guard(mutex_);
                for (int i = 0; i < count; ++i) {
                    const epoll_event& event = events.at(static_cast<std::size_t>(i));
                    const id number = event.data.u64; // a copy: the structure is packed
                    if (number == wake_id) {
                        std::uint64_t ignored = 0;
                        [[maybe_unused]] const auto read = ::read(wake_.get(), &ignored, sizeof ignored);
                    } else if (const auto at = watched_.find(number); at != watched_.end()) {
                        on_event(at, event.events, lost);
                    }
                }
                on_time(lost);
                while (blind && !watched_.empty()) {
                    give_up(watched_.begin(), lost);
                }
            }
            for (const auto& [number, w] : lost) { // callbacks run here: without the mutex
                w.stop->request_stop();
            }
            if (blind) {
                return; // add() fails, too
            }
        }
    }

    [[nodiscard]] int time_to_wait() noexcept {
        const std::lock_guard guard(mutex_);
        return schedule_.empty() ? -1 : pglocks::detail::milliseconds_until(schedule_.begin()->first);
    }

    void on_event(entry at, std::uint32_t events, watches& lost) noexcept {
        auto& beats = at->second.beats;
        const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        if (ended || (beats && (!beats->receive() || !expect_next(at)))) {
            give_up(at, lost);
        }
    }

    /// Sends the heartbeats that are due, and gives up those without an answer.
    void on_time(watches& lost) noexcept {
        const auto now = clock::now();
        while (!schedule_.empty() && schedule_.begin()->first <= now) {
            const auto at = watched_.find(schedule_.begin()->second);
            pulse& beats = *at->second.beats;
            // This thread may be late itself: an answer that is here counts.
            const bool well = beats.is_under_way() ? beats.receive() && !beats.is_under_way() : beats.send();
            if (!well || !expect_next(at)) {
                give_up(at, lost);
            }
        }
    }

    /// Input is of interest while a heartbeat is under way; otherwise only the end of the connection is.
    /// False if it cannot be waited for.
    [[nodiscard]] bool expect_next(entry at) noexcept {
        watched& w = at->second;
        auto node = schedule_.extract(*w.scheduled);
        node.key() = w.beats->due();
        w.scheduled = schedule_.insert(std::move(node));
        const std::uint32_t input = w.beats->is_under_way() ? std::uint32_t{EPOLLIN} : 0;
        return control(EPOLL_CTL_MOD, w.socket.get(), EPOLLRDHUP | input, at->first);
    }

    /// Ends a watch with the loss of its connection, which its owner then finds lost, too.
    void give_up(entry at, watches& lost) noexcept {
        ::shutdown(at->second.socket.get(), SHUT_RDWR);
        lost.insert(take_out(at));
    }

    descriptor epoll_;
    descriptor wake_;
    std::mutex mutex_; ///< of everything below
    id last_id_ = wake_id;
    watches watched_;
    times schedule_;
    std::jthread thread_; ///< ends first
};

} // namespace pglocks::postgres
