// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace pglocks::torture {

/// Runs what is to be undone later, in a thread of its own, so that nothing that hangs can keep it from that.
class deferred_actions {
public:
    using action = std::function<void()>;

    deferred_actions() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
    ~deferred_actions() { flush(); }
    deferred_actions(const deferred_actions&) = delete;
    deferred_actions& operator=(const deferred_actions&) = delete;

    /// *Requires*: the action does not throw.
    void add(std::chrono::steady_clock::time_point when, action what) {
        const std::lock_guard guard(mutex_);
        actions_.emplace(when, std::move(what));
        changed_.notify_all();
    }

    /// Runs all that is left now, and returns when it is done.
    void flush() {
        std::unique_lock lock(mutex_);
        flushing_ = true;
        changed_.notify_all();
        changed_.wait(lock, [&] { return actions_.empty() && !busy_; });
        flushing_ = false;
    }

    [[nodiscard]] bool empty() const {
        const std::lock_guard guard(mutex_);
        return actions_.empty() && !busy_;
    }

private:
    void run(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
            const auto due = [&] {
                return !actions_.empty() &&
                       (flushing_ || actions_.begin()->first <= std::chrono::steady_clock::now());
            };
            if (!due()) {
                const auto next = actions_.empty()
                                      ? std::chrono::steady_clock::now() + std::chrono::seconds(1)
                                      : actions_.begin()->first;
                changed_.wait_until(lock, stop, next, due);
                continue;
            }
            const auto what = actions_.extract(actions_.begin());
            busy_ = true;
            lock.unlock();
            what.mapped()();
            lock.lock();
            busy_ = false;
            changed_.notify_all();
        }
    }

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::multimap<std::chrono::steady_clock::time_point, action> actions_;
    bool flushing_ = false;
    bool busy_ = false;
    std::jthread thread_;
};

} // namespace pglocks::torture
