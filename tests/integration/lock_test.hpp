// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/pglocks.hpp>

#include "support/eventually.hpp"
#include "support/observer.hpp"
#include "support/process_info.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <system_error>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {

/// The libpq connection of a session.
[[nodiscard]] inline PGconn* libpq(soci::session& session) { return postgres::libpq_connection(session); }

/// The process ID of a session's backend.
[[nodiscard]] inline int pid(soci::session& session) { return PQbackendPID(libpq(session)); }

template <class... Session>
[[nodiscard]] std::vector<int> pids(Session&... sessions) {
    std::vector<int> all{pid(sessions)...};
    std::sort(all.begin(), all.end());
    return all;
}

/// Runs one statement on a session's connection, behind SOCI's back.
/// \returns the first value, or nothing if there is none. *Throws*: sql_error.
inline std::string query(soci::session& session, const std::string& sql) {
    const postgres::result r(PQexec(libpq(session), sql.c_str()));
    if (!postgres::is_ok(r)) {
        throw sql_error(PQerrorMessage(libpq(session)), std::string(postgres::sqlstate_of(r)));
    }
    return PQntuples(r.get()) > 0 ? PQgetvalue(r.get(), 0, 0) : std::string();
}

/// What passes between libpq and the server on a session's connection while the object lives.
///
/// \code
/// const wire_trace wire(session); ...; EXPECT_EQ(wire.round_trips(), 1);
/// \endcode
class wire_trace {
public:
    explicit wire_trace(soci::session& session) : connection_(libpq(session)), file_(std::tmpfile()) {
        if (!file_) {
            throw std::runtime_error("no temporary file for a trace");
        }
        PQtrace(connection_, file_.get());
        PQsetTraceFlags(connection_, PQTRACE_SUPPRESS_TIMESTAMPS);
    }
    wire_trace(const wire_trace&) = delete;
    wire_trace& operator=(const wire_trace&) = delete;
    ~wire_trace() { PQuntrace(connection_); }

    /// The messages so far, one a line: F (from here) or B (from the server), the length, the message.
    [[nodiscard]] std::vector<std::string> messages() const {
        std::fflush(file_.get());
        const long end = std::ftell(file_.get());
        std::fseek(file_.get(), 0, SEEK_SET);
        std::vector<std::string> lines(1);
        for (long i = 0; i < end; ++i) {
            const auto c = static_cast<char>(std::fgetc(file_.get()));
            if (c == '\n') {
                lines.emplace_back();
            } else {
                lines.back() += c;
            }
        }
        lines.pop_back();
        std::fseek(file_.get(), end, SEEK_SET);
        return lines;
    }

    [[nodiscard]] bool sent_nothing() const { return round_trips() == 0; }

    /// How often something was sent and answered.
    [[nodiscard]] int round_trips() const {
        int trips = 0;
        bool sending = false;
        for (const auto& line : messages()) {
            const bool from_here = line.starts_with("F\t");
            trips += from_here && !sending ? 1 : 0;
            sending = from_here;
        }
        return trips;
    }

private:
    struct close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };

    PGconn* connection_;
    std::unique_ptr<std::FILE, close> file_;
};

/// What was told to the release-failure handler since the object was made, or since take().
class captured_release_failures {
public:
    captured_release_failures() { take(); }
    captured_release_failures(const captured_release_failures&) = delete;
    captured_release_failures& operator=(const captured_release_failures&) = delete;
    ~captured_release_failures() { set_release_failure_handler(before_); }

    std::vector<std::string> take() {
        const std::lock_guard guard(mutex);
        return std::exchange(messages, {});
    }

private:
    static void capture(const lock_error& error) noexcept {
        const std::lock_guard guard(mutex);
        messages.emplace_back(error.what());
    }

    static inline std::mutex mutex;
    static inline std::vector<std::string> messages;
    release_failure_handler before_ = set_release_failure_handler(&capture);
};

/// Ends every other connection to the observer's database.
inline void end_all_others(observer& look) {
    look.exec("select pg_terminate_backend(pid) from pg_stat_activity "
              "where datname = current_database() and pid <> pg_backend_pid()");
}

/// A backoff that tells how often it was asked for: a waiter that polls is not seen in pg_locks.
struct counted_pause {
    static inline std::atomic<int> pauses = 0;

    std::chrono::milliseconds pause{1};

    [[nodiscard]] std::chrono::nanoseconds operator()(unsigned /*tries*/) const {
        ++pauses;
        return pause;
    }
};

/// A function that runs in a thread of its own, until it ends or the object does.
///
/// A failed test must not wait for ever: when the object ends while the function runs, every connection to
/// the database is ended, and what waits on one with it.
template <class Result>
class background {
public:
    template <class Function>
    background(std::string conninfo, Function function)
        : conninfo_(std::move(conninfo)),
          result_(std::async(std::launch::async, [this, function = std::move(function)]() mutable {
              thread_ = ::gettid();
              return function();
          })) {}
    background(const background&) = delete;
    background& operator=(const background&) = delete;
    ~background() {
        try {
            while (result_.valid() &&
                   result_.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) {
                observer look(conninfo_);
                end_all_others(look);
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }

    [[nodiscard]] bool ended(std::chrono::milliseconds within = std::chrono::milliseconds(0)) const {
        return result_.wait_for(within) == std::future_status::ready;
    }

    /// Whether the function has begun and sleeps in the kernel: it waits for something.
    [[nodiscard]] bool sleeps() const {
        const auto thread = thread_ == 0 ? std::nullopt : find_process(thread_);
        return thread && thread->state == 'S';
    }

    /// The function's result, or its exception.
    Result result() {
        if (!ended(default_deadline)) {
            throw std::runtime_error("what runs in the background does not end");
        }
        return result_.get();
    }

private:
    std::string conninfo_;
    std::atomic<pid_t> thread_ = 0;
    std::future<Result> result_;
};

template <class Function>
background(std::string, Function) -> background<std::invoke_result_t<Function>>;

/// The database of the test program, a look at its locks from outside, and two sessions on it.
class lock_test : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(nothing_left()) << "of the test before"; }
    void TearDown() override {
        for (const auto& message : failures_.take()) {
            ADD_FAILURE() << "a release failed: " << message;
        }
    }

    [[nodiscard]] static std::string conninfo() { return shared_server().conninfo(); }

    [[nodiscard]] static soci::session connect() { return soci::session(soci::postgresql, conninfo()); }

    /// The backends that hold a key, in order.
    [[nodiscard]] std::vector<int> owners(lock_key key) { return backends(key, true); }
    [[nodiscard]] std::vector<int> owners(lock_key key, lock_mode mode) { return backends(key, true, mode); }
    /// The backends that wait for a key, in order.
    [[nodiscard]] std::vector<int> queue(lock_key key) { return backends(key, false); }

    [[nodiscard]] bool queued(lock_key key) {
        return eventually([&] { return !queue(key).empty(); });
    }

    /// Whether nobody holds or waits for anything in this database; a backend may take a moment to end.
    [[nodiscard]] bool nothing_left() {
        return eventually([&] { return look_.advisory_locks().empty(); });
    }

    template <class Function>
    [[nodiscard]] static auto in_background(Function function) {
        return background(conninfo(), std::move(function));
    }

    captured_release_failures failures_;
    observer look_{conninfo()};
    soci::session a_{soci::postgresql, conninfo()};
    soci::session b_{soci::postgresql, conninfo()};

private:
    [[nodiscard]] std::vector<int> backends(lock_key key, bool granted,
                                            std::optional<lock_mode> mode = std::nullopt) {
        std::vector<int> all;
        for (const auto& row : look_.advisory_locks()) {
            if (row.granted == granted && (!mode || row.mode == *mode) && row.pid &&
                lock_key::from_pg_locks(row.classid, row.objid, static_cast<std::uint16_t>(row.objsubid)) ==
                    key) {
                all.push_back(*row.pid);
            }
        }
        std::sort(all.begin(), all.end());
        return all;
    }
};

/// What a function throws, by value. *Throws*: std::logic_error, if it throws nothing of this type.
template <class Error, class Function>
[[nodiscard]] Error error_of(const Function& function) {
    try {
        function();
    } catch (const Error& error) {
        return error;
    }
    throw std::logic_error("nothing was thrown");
}

/// Whether a function throws a std::system_error with this condition.
template <class Function>
[[nodiscard]] testing::AssertionResult throws(std::errc condition, Function function) {
    try {
        function();
    } catch (const std::system_error& error) {
        if (error.code() == condition) {
            return testing::AssertionSuccess();
        }
        return testing::AssertionFailure() << "another code: " << error.what();
    }
    return testing::AssertionFailure() << "nothing was thrown";
}

} // namespace pglocks::test
