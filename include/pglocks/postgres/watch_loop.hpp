// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/postgres/connection_state.hpp>

#include <libpq-fe.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <set>
#include <stop_token>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks {

/// A question asked again and again on an otherwise idle connection, to notice what the socket does not show.
struct heartbeat {
    std::chrono::milliseconds every{1000}; ///< from one answer to the next question
    std::chrono::milliseconds within{500}; ///< without an answer for so long, the connection counts as lost
};

} // namespace pglocks

namespace pglocks::postgres {

/// A file descriptor of our own.
class descriptor {
public:
    /// *Throws*: `std::system_error` if it is none: what a system call that failed has returned.
    explicit descriptor(int number, const char* what) : number_(number) {
        if (number_ < 0) {
            throw std::system_error(errno, std::generic_category(), what);
        }
    }
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    [[nodiscard]] int get() const noexcept { return number_; }

private:
    int number_;
};

/// Waits for the loss of any number of connections in one thread: epoll on a descriptor of its own for each
/// socket, which is not read unless the connection was lent for a heartbeat.
class watch_loop {
public:
    using id = std::uint64_t;

    /// *Throws*: `std::system_error` without a descriptor or a thread.
    watch_loop()
        : epoll_(::epoll_create1(EPOLL_CLOEXEC), "pglocks: no descriptor to watch connections with"),
          wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "pglocks: no descriptor to wake the watcher with") {
        control(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, wake_id);
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
    id add(connection_state& state, const std::shared_ptr<std::stop_source>& stop,
           const std::optional<heartbeat>& beat) {
        PGconn* const conn = state.conn();
        watched w{.socket = descriptor(::fcntl(PQsocket(conn), F_DUPFD_CLOEXEC, 0),
                                       "pglocks: no descriptor to watch the connection with"),
                  .conn = conn,
                  .stop = stop,
                  .beat = beat};
        state.tell_of_loss(stop);
        const std::lock_guard guard(mutex_);
        const id number = ++last_id_;
        const int socket = w.socket.get();
        const auto at = watched_.emplace(number, std::move(w)).first;
        try {
            if (beat) {
                schedule(number, at->second, clock::now() + beat->every);
            }
            control(EPOLL_CTL_ADD, socket, EPOLLRDHUP, number);
        } catch (...) {
            forget(at);
            throw;
        }
        wake();
        return number;
    }

    /// Ends a watch: the connection is its owner's again. Waits for the answer to a heartbeat that is under
    /// way.
    void remove(id number) noexcept {
        std::shared_ptr<std::stop_source> lost;
        {
            const std::lock_guard guard(mutex_);
            const auto at = watched_.find(number);
            if (at == watched_.end()) {
                return;
            }
            watched& w = at->second;
            while (w.answer_due && !lost) {
                pollfd socket{w.socket.get(), POLLIN, 0};
                ::poll(&socket, 1, pglocks::detail::milliseconds_until(*w.answer_due));
                if (!take_answer(w) || (w.answer_due && clock::now() >= *w.answer_due)) {
                    ::shutdown(w.socket.get(), SHUT_RDWR);
                    lost = w.stop;
                }
            }
            forget(at);
        }
        if (lost) {
            lost->request_stop();
        }
    }

private:
    using clock = std::chrono::steady_clock;

    struct watched {
        descriptor socket;
        PGconn* conn; ///< used for heartbeats only
        std::shared_ptr<std::stop_source> stop;
        std::optional<heartbeat> beat;
        deadline scheduled{};  ///< when it is looked at next
        deadline answer_due{}; ///< while a heartbeat is under way
    };
    using entry = std::map<id, watched>::iterator;

    static constexpr id wake_id = 0;

    void wake() const noexcept {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    }

    void control(int operation, int socket, std::uint32_t events, id number) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = number;
        if (::epoll_ctl(epoll_.get(), operation, socket, &event) != 0 && operation != EPOLL_CTL_DEL) {
            throw std::system_error(errno, std::generic_category(),
                                    "pglocks: a connection cannot be watched");
        }
    }

    void schedule(id number, watched& w, clock::time_point when) {
        if (w.scheduled) {
            schedule_.erase({*w.scheduled, number});
        }
        w.scheduled = when;
        schedule_.emplace(when, number);
    }

    /// The descriptor's registration is removed first: it would outlive the descriptor with the socket it
    /// shares.
    void forget(entry at) noexcept {
        if (at->second.scheduled) {
            schedule_.erase({*at->second.scheduled, at->first});
        }
        epoll_event none{};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, at->second.socket.get(), &none);
        watched_.erase(at);
    }

    void run(const std::stop_token& end) {
        std::array<epoll_event, 64> events{};
        std::vector<std::shared_ptr<std::stop_source>> lost;
        while (!end.stop_requested()) {
            const int count =
                ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), time_to_wait());
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
            }
            for (const auto& stop : std::exchange(lost, {})) { // callbacks run here: without the mutex
                stop->request_stop();
            }
        }
    }

    [[nodiscard]] int time_to_wait() {
        const std::lock_guard guard(mutex_);
        return schedule_.empty() ? -1 : pglocks::detail::milliseconds_until(schedule_.begin()->first);
    }

    void on_event(entry at, std::uint32_t events, std::vector<std::shared_ptr<std::stop_source>>& lost) {
        watched& w = at->second;
        if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || !take_answer(w)) {
            give_up(at, lost);
        } else if (!w.answer_due) {
            rest(at);
        }
    }

    /// After an answer: until the next heartbeat, only the end of the connection is of interest.
    void rest(entry at) {
        watched& w = at->second;
        control(EPOLL_CTL_MOD, w.socket.get(), EPOLLRDHUP, at->first);
        schedule(at->first, w, clock::now() + w.beat->every);
    }

    /// Ends a watch with the loss of its connection, which its owner then finds lost, too.
    void give_up(entry at, std::vector<std::shared_ptr<std::stop_source>>& lost) {
        ::shutdown(at->second.socket.get(), SHUT_RDWR);
        lost.push_back(at->second.stop);
        forget(at);
    }

    /// Sends the heartbeats that are due, and gives up those without an answer.
    void on_time(std::vector<std::shared_ptr<std::stop_source>>& lost) {
        while (!schedule_.empty() && schedule_.begin()->first <= clock::now()) {
            const auto at = watched_.find(schedule_.begin()->second);
            watched& w = at->second;
            const bool asked = w.answer_due.has_value();
            // This thread may be late itself: an answer that is here counts.
            if (asked ? !take_answer(w) || w.answer_due.has_value() : !ask(at->first, w)) {
                give_up(at, lost);
            } else if (asked) {
                rest(at);
            }
        }
    }

    /// Sends a heartbeat, an empty statement, which takes no snapshot and is allowed in a failed transaction.
    [[nodiscard]] bool ask(id number, watched& w) {
        const auto now = clock::now();
        const auto status = PQtransactionStatus(w.conn);
        if (status == PQTRANS_ACTIVE || PQpipelineStatus(w.conn) != PQ_PIPELINE_OFF) {
            schedule(number, w,
                     now + w.beat->every); // not idle, as it should be: its owner will notice a loss
            return true;
        }
        if (PQsendQuery(w.conn, "") == 0) {
            return false;
        }
        control(EPOLL_CTL_MOD, w.socket.get(), EPOLLRDHUP | EPOLLIN, number);
        w.answer_due = now + w.beat->within;
        schedule(number, w, *w.answer_due);
        return true;
    }

    /// Reads what there is of the answer to a heartbeat; false if the connection is lost.
    [[nodiscard]] static bool take_answer(watched& w) noexcept {
        if (!w.answer_due) {
            return true;
        }
        if (PQconsumeInput(w.conn) == 0) {
            return false;
        }
        while (PQisBusy(w.conn) == 0) {
            if (!result(PQgetResult(w.conn))) {
                w.answer_due.reset();
                break;
            }
        }
        return PQstatus(w.conn) == CONNECTION_OK;
    }

    descriptor epoll_;
    descriptor wake_;
    std::mutex mutex_; ///< of everything below
    id last_id_ = wake_id;
    std::map<id, watched> watched_;
    std::set<std::pair<clock::time_point, id>> schedule_;
    std::jthread thread_; ///< ends first
};

} // namespace pglocks::postgres
