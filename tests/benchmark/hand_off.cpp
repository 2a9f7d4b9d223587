// SPDX-License-Identifier: BSL-1.0
#include "benchmark/hand_off.hpp"

#include <stdexcept>
#include <stop_token>
#include <utility>

namespace pglocks::benchmark {

hand_off::hand_off(const std::string& conninfo, std::unique_ptr<session> holder,
                   std::unique_ptr<session> waiter)
    : look_(connect(conninfo)),
      holder_(std::move(holder)),
      waiter_(std::move(waiter)),
      thread_([this](const std::stop_token& stop) { wait_in_thread(stop); }) {}

hand_off::~hand_off() {
    thread_.request_stop();
    go_.release();
}

std::chrono::nanoseconds hand_off::run(unsigned times) {
    std::chrono::nanoseconds sum{};
    for (unsigned i = 0; i < times; ++i) {
        holder_->lock();
        go_.release();
        look_until_it_waits();
        const auto begin = clock::now();
        holder_->unlock();
        answer();
        sum += returned_ - begin;
        go_.release();
        answer();
    }
    return sum;
}

/// Waits for the thread to have done what it was told.
void hand_off::answer() {
    done_.acquire();
    if (error_) {
        std::rethrow_exception(error_);
    }
}

void hand_off::wait_in_thread(const std::stop_token& stop) {
    while (true) {
        go_.acquire();
        if (stop.stop_requested()) {
            return;
        }
        try {
            waiter_->lock();
            returned_ = clock::now();
            done_.release();
            go_.acquire();
            waiter_->unlock();
        } catch (...) {
            error_ = std::current_exception();
        }
        done_.release();
    }
}

void hand_off::look_until_it_waits() {
    constexpr auto patience = std::chrono::seconds(30);
    const auto deadline = clock::now() + patience;
    while (clock::now() < deadline) {
        const result rows(
            PQexec(look_.get(), "select from pg_locks where locktype = 'advisory' and not granted"));
        if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK) {
            throw std::runtime_error(PQerrorMessage(look_.get()));
        }
        if (PQntuples(rows.get()) > 0) {
            return;
        }
    }
    throw std::runtime_error("the waiter does not wait");
}

} // namespace pglocks::benchmark
