// SPDX-License-Identifier: BSL-1.0
#include "torture/release_monitor.hpp"

#include "support/observer.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace pglocks::torture {

release_monitor::release_monitor(std::string conninfo)
    : conninfo_(std::move(conninfo)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void release_monitor::watch(fault_kind kind, instant since, const std::vector<held_lock>& locks) {
    const std::lock_guard guard(mutex_);
    for (const auto& each : locks) {
        watched_.push_back({kind, each.backend, each.key, since, {}});
    }
    changed_.notify_all();
}

std::vector<release_sample> release_monitor::samples() const {
    const std::lock_guard guard(mutex_);
    return samples_;
}

void release_monitor::run(const std::stop_token& stop) {
    std::optional<test::observer> server;
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [&] { return !watched_.empty(); })) {
                return;
            }
        }
        try {
            if (!server) {
                server.emplace(conninfo_);
            }
            std::vector<held_lock> held;
            for (const auto& row : server->advisory_locks()) {
                if (row.granted && row.pid && row.bigint_key()) {
                    held.push_back({*row.pid, *row.bigint_key()});
                }
            }
            compare(held, std::chrono::steady_clock::now());
        } catch (const test::sql_error&) { // the server is not there now: neither is the lock to be had
            server.reset();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
}

void release_monitor::compare(const std::vector<held_lock>& held, instant now) {
    const std::lock_guard guard(mutex_);
    std::erase_if(watched_, [&](release_sample& each) {
        const bool still = std::ranges::any_of(held, [&](const held_lock& lock) {
            return lock.backend == each.backend && lock.key == each.key;
        });
        if (!still) {
            each.until = now;
            samples_.push_back(each);
        }
        return !still;
    });
}

} // namespace pglocks::torture
