// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "benchmark/contestant.hpp"
#include "benchmark/libpq_session.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <semaphore>
#include <thread>

namespace pglocks::benchmark {

/// Two sessions, of which one waits in the server's queue for the lock that the other holds.
class hand_off {
public:
    /// \param conninfo for a third connection, which sees in `pg_locks` when the waiter waits.
    hand_off(const std::string& conninfo, std::unique_ptr<session> holder, std::unique_ptr<session> waiter);
    hand_off(const hand_off&) = delete;
    hand_off& operator=(const hand_off&) = delete;
    ~hand_off();

    /// Passes the lock on so many times.
    /// \returns the sum of the times from the holder's call of unlock() to the return of the waiter's lock().
    /// *Throws*: what a session has thrown; std::runtime_error, if the waiter is not seen to wait.
    std::chrono::nanoseconds run(unsigned times);

private:
    using clock = std::chrono::steady_clock;

    void wait_in_thread(const std::stop_token& stop);
    void answer();
    void look_until_it_waits();

    connection look_;
    std::unique_ptr<session> holder_;
    std::unique_ptr<session> waiter_;
    clock::time_point returned_;
    std::exception_ptr error_;
    std::binary_semaphore go_{0};
    std::binary_semaphore done_{0};
    std::jthread thread_;
};

} // namespace pglocks::benchmark
