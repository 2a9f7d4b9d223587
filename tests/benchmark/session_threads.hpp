// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "benchmark/contestant.hpp"

#include <atomic>
#include <barrier>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace pglocks::benchmark {

/// Sessions that work at the same time, each in a thread of its own; one alone in the caller's.
class session_threads {
public:
    explicit session_threads(std::vector<std::unique_ptr<session>> sessions);
    session_threads(const session_threads&) = delete;
    session_threads& operator=(const session_threads&) = delete;
    ~session_threads();

    /// Has each session do so many cycles, and waits for the last.
    /// \returns the time from start to end. *Throws*: what a session has thrown.
    std::chrono::nanoseconds run(unsigned cycles);

private:
    void work(session& with, const std::stop_token& stop);

    std::vector<std::unique_ptr<session>> sessions_;
    std::barrier<> start_;
    std::barrier<> end_;
    unsigned cycles_ = 0;
    std::mutex mutex_;
    std::exception_ptr error_; ///< guarded by the mutex
    std::vector<std::jthread> threads_;
};

} // namespace pglocks::benchmark
