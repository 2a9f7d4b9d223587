// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/postgres/parameters.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <poll.h>
#include <stop_token>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace pglocks::postgres {

/// Becomes readable when a stop is requested, so that poll() can wait for it beside a socket.
class stop_event {
public:
    /// *Throws*: `std::system_error` if there is no descriptor left.
    explicit stop_event(const std::stop_token& stop) : descriptor_(stop.stop_possible() ? open() : -1) {
        if (descriptor_ >= 0) {
            callback_.emplace(stop, waker{descriptor_});
        }
    }
    stop_event(const stop_event&) = delete;
    stop_event& operator=(const stop_event&) = delete;
    ~stop_event() {
        callback_.reset(); // waits for a callback that is running: the descriptor is in use until then
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }

    /// Negative if no stop is possible; poll() passes over it.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    struct waker {
        int descriptor;
        void operator()() const noexcept {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto written = ::write(descriptor, &one, sizeof one);
        }
    };

    [[nodiscard]] static int open() {
        const int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (descriptor < 0) {
            throw std::system_error(errno, std::generic_category(),
                                    "pglocks: no descriptor to wait for a stop with");
        }
        return descriptor;
    }

    int descriptor_;
    std::optional<std::stop_callback<waker>> callback_;
};

/// That something is done in another thread, which may outlive whoever waits for it. (What <future> offers
/// for this takes every program a fifth of a second to compile.)
class completion {
public:
    void done() noexcept {
        {
            const std::lock_guard guard(mutex_);
            done_ = true;
        }
        changed_.notify_all();
    }

    /// Whether it is done by then.
    [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point until) {
        std::unique_lock guard(mutex_);
        return changed_.wait_until(guard, until, [this] { return done_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
};

struct free_cancel {
    void operator()(PGcancel* cancel) const noexcept { PQfreeCancel(cancel); }
};

/// Reads the results of statements that were sent, and can cut them short: cancels what the server is doing
/// when a stop is requested or the deadline is past, and still waits for the server's word on what was done.
class interruptible_reader {
    using clock = std::chrono::steady_clock;

public:
    /// When the statement is cancelled.
    enum class cancelling : std::uint8_t {
        at_once, ///< with the stop: it may take for ever
        soon, ///< after a quarter of the patience: it answers at once, or something is wrong with the server
        late  ///< after three quarters: a cancel does damage, if less than a lost connection
    };

    /// Everything that can fail for want of memory or descriptors fails here, before anything is sent.
    ///
    /// \param patience how late the server may be with its answer: counted from the deadline or the stop, or
    /// from the statement if that was sent later. After all of it the connection counts as lost.
    interruptible_reader(PGconn* conn, const deadline& until, std::stop_token stop, cancelling when,
                         std::chrono::milliseconds patience)
        : conn_(conn),
          until_(until),
          stop_(std::move(stop)),
          patience_(patience),
          to_cancel_at_deadline_(when == cancelling::late ? patience * 3 / 4 : patience / 4),
          to_cancel_at_stop_(when == cancelling::at_once ? patience * 0 : to_cancel_at_deadline_),
          stop_event_(stop_),
          cancel_(PQgetCancel(conn), free_cancel()) {
        if (!cancel_) {
            throw std::bad_alloc();
        }
    }
    /// For statements that answer at once.
    interruptible_reader(PGconn* conn, std::chrono::milliseconds patience)
        : interruptible_reader(conn, clock::now(), {}, cancelling::late, patience) {}

    /// A statement is sent now: its answer has all of the patience.
    void asks() noexcept {
        asked_ = clock::now();
        next_cancel_.reset();
    }

    /// The deadline has passed, or a stop was requested.
    [[nodiscard]] bool is_late() const noexcept {
        return stop_.stop_requested() || pglocks::detail::has_expired(until_);
    }

    /// The next result as `PQgetResult` gives it. *Throws*: `connection_lost` when no answer can be expected
    /// any more.
    [[nodiscard]] result next(const std::optional<lock_key>& key, bool may_cancel) {
        while (PQisBusy(conn_) != 0) {
            const auto now = clock::now();
            if (!stopped_ && stop_.stop_requested()) {
                stopped_ = now;
            }
            if (now >= answer_due()) {
                // What is here by now counts: this process may have stood still itself.
                if (PQconsumeInput(conn_) == 0 || PQisBusy(conn_) == 0) {
                    break;
                }
                give_up(key);
            }
            if (may_cancel && now >= cancel_due()) {
                cancel(key);
            }
            await_input(may_cancel);
            if (PQconsumeInput(conn_) == 0) {
                if (PQstatus(conn_) == CONNECTION_OK) { // nothing that ends a wait for the rest of the answer
                    throw loss("the server's answer could not be read", key, PQerrorMessage(conn_));
                }
                break; // what is wrong is in the next result
            }
        }
        return result(PQgetResult(conn_));
    }

    /// Runs a statement. The first of its results. *Throws*: as `next()`.
    [[nodiscard]] result run(const char* statement, const std::optional<lock_key>& key,
                             bool may_cancel = false, const statement_parameters& parameters = {}) {
        asks();
        return parameters.send(conn_, statement) ? first_result(key, may_cancel) : result();
    }

    /// Runs statements without parameters, separated by semicolons, in one round trip. As `run()`.
    [[nodiscard]] result run_script(const char* statements, const std::optional<lock_key>& key) {
        asks();
        return PQsendQuery(conn_, statements) != 0 ? first_result(key, false) : result();
    }

    /// A cancel was sent, for any of the statements. What it has hit, if anything, the results tell.
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }

private:
    [[nodiscard]] result first_result(const std::optional<lock_key>& key, bool may_cancel) {
        result first = next(key, may_cancel);
        while (next(key, may_cancel)) {
        } // the results end with a null
        return first;
    }

    /// After how long a cancel without effect is repeated: the server ignores one that comes before its
    /// statement.
    [[nodiscard]] std::chrono::milliseconds again() const noexcept {
        return std::clamp(patience_ / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(200));
    }

    [[nodiscard]] clock::time_point after(const deadline& start,
                                          std::chrono::milliseconds time) const noexcept {
        if (!start || *start >= clock::time_point::max() - time) {
            return clock::time_point::max();
        }
        return std::max(*start, asked_) + time;
    }
    [[nodiscard]] clock::time_point cancel_due() const noexcept {
        return next_cancel_
                   ? *next_cancel_
                   : std::min(after(until_, to_cancel_at_deadline_), after(stopped_, to_cancel_at_stop_));
    }
    [[nodiscard]] clock::time_point answer_due() const noexcept {
        return std::min(after(until_, patience_), after(stopped_, patience_));
    }

    void await_input(bool may_cancel) const {
        const auto wake = may_cancel ? std::min(cancel_due(), answer_due()) : answer_due();
        const bool unsent = PQflush(conn_) == 1; // only if the user has made the connection non-blocking
        std::array<pollfd, 2> sources{
            {{PQsocket(conn_), static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN), 0},
             {stopped_ ? -1 : stop_event_.descriptor(), POLLIN, 0}}};
        // A signal may end it early: the caller looks at the conditions again.
        ::poll(sources.data(), sources.size(),
               wake == clock::time_point::max() ? -1 : pglocks::detail::milliseconds_until(wake));
    }

    /// Sends a cancel request from a thread of its own, since PQcancel connects and may block. Until it has
    /// returned nothing may be sent on the connection: it would hit a later statement.
    void cancel(const std::optional<lock_key>& key) {
        std::shared_ptr<completion> delivered;
        try {
            delivered = std::make_shared<completion>();
            std::thread([request = cancel_, delivered] {
                send_cancel(request.get());
                delivered->done();
            }).detach();
        } catch (const std::exception&) { // no memory or no thread: from this one, even if it blocks
            delivered.reset();
            send_cancel(cancel_.get());
        }
        if (delivered && !delivered->wait_until(answer_due())) {
            give_up(key);
        }
        cancelled_ = true;
        next_cancel_ = clock::now() + again();
    }

    static void send_cancel(PGcancel* cancel) noexcept {
        std::array<char, 256> why{};
        PQcancel(cancel, why.data(), static_cast<int>(why.size()));
    }

    [[noreturn]] static void give_up(const std::optional<lock_key>& key) {
        throw loss("the server did not answer in time: the connection counts as lost", key);
    }

    PGconn* conn_;
    deadline until_;
    std::stop_token stop_;
    std::chrono::milliseconds patience_;
    std::chrono::milliseconds to_cancel_at_deadline_;
    std::chrono::milliseconds to_cancel_at_stop_;
    stop_event stop_event_;
    std::shared_ptr<PGcancel> cancel_; ///< shared with a request that is still under way
    clock::time_point asked_ = clock::now();
    deadline stopped_;       ///< when the stop was seen
    deadline next_cancel_;   ///< once a cancel of this statement was sent
    bool cancelled_ = false; ///< of any statement so far
};

} // namespace pglocks::postgres
