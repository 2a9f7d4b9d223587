// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/loss_watcher.hpp>

#include "torture/hold.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

namespace pglocks::torture {

/// The first sign of a loss.
struct loss_sign {
    instant when;
    std::string_view what;
};

/// A holder that asks lost() again and again.
template <class Lock>
class asked_signs {
public:
    explicit asked_signs(const Lock& lock) : lock_(lock) {}

    [[nodiscard]] std::optional<loss_sign> wait(nanoseconds duration) const {
        const auto end = std::chrono::steady_clock::now() + duration;
        for (;;) {
            if (lock_.lost()) {
                return loss_sign{std::chrono::steady_clock::now(), "lost()"};
            }
            const auto left = end - std::chrono::steady_clock::now();
            if (left <= nanoseconds(0)) {
                return std::nullopt;
            }
            std::this_thread::sleep_for(std::min<nanoseconds>(left, std::chrono::milliseconds(1)));
        }
    }

private:
    const Lock& lock_;
};

/// A holder that is told by a watcher.
class watched_signs {
public:
    explicit watched_signs(loss_watch watch) : watch_(std::move(watch)) {}

    [[nodiscard]] std::optional<loss_sign> wait(nanoseconds duration) const {
        std::atomic<instant> told{instant::max()};
        const std::stop_token token = watch_.token();
        const std::stop_callback stamp(token, [&] { told = std::chrono::steady_clock::now(); });
        std::mutex mutex;
        std::condition_variable_any woken;
        std::unique_lock lock(mutex);
        static_cast<void>(woken.wait_for(lock, token, duration, [] { return false; }));
        if (!token.stop_requested()) {
            return std::nullopt;
        }
        return loss_sign{std::min(told.load(), std::chrono::steady_clock::now()), "token"};
    }

private:
    loss_watch watch_;
};

} // namespace pglocks::torture
