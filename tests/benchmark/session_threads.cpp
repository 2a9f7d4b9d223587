// SPDX-License-Identifier: BSL-1.0
#include "benchmark/session_threads.hpp"

#include <cstddef>
#include <stop_token>
#include <utility>

namespace pglocks::benchmark {
namespace {

void repeat(session& with, unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) {
        with.cycle();
    }
}

std::ptrdiff_t with_the_caller(std::size_t sessions) { return static_cast<std::ptrdiff_t>(sessions) + 1; }

} // namespace

session_threads::session_threads(std::vector<std::unique_ptr<session>> sessions)
    : sessions_(std::move(sessions)),
      start_(with_the_caller(sessions_.size())),
      end_(with_the_caller(sessions_.size())) {
    if (sessions_.size() > 1) {
        for (const auto& each : sessions_) {
            threads_.emplace_back([this, &with = *each](const std::stop_token& stop) { work(with, stop); });
        }
    }
}

session_threads::~session_threads() {
    for (auto& each : threads_) {
        each.request_stop();
    }
    if (!threads_.empty()) {
        start_.arrive_and_wait();
    }
}

std::chrono::nanoseconds session_threads::run(unsigned cycles) {
    using clock = std::chrono::steady_clock;
    cycles_ = cycles;
    const auto begin = clock::now();
    if (threads_.empty()) {
        repeat(*sessions_.front(), cycles);
    } else {
        start_.arrive_and_wait();
        end_.arrive_and_wait();
    }
    const auto elapsed = clock::now() - begin;
    const std::lock_guard guard(mutex_);
    if (error_) {
        std::rethrow_exception(error_);
    }
    return elapsed;
}

void session_threads::work(session& with, const std::stop_token& stop) {
    while (true) {
        start_.arrive_and_wait();
        if (stop.stop_requested()) {
            return;
        }
        try {
            repeat(with, cycles_);
        } catch (...) {
            const std::lock_guard guard(mutex_);
            error_ = std::current_exception();
        }
        end_.arrive_and_wait();
    }
}

} // namespace pglocks::benchmark
