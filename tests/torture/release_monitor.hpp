// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/fault_record.hpp"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::torture {

/// A lock as pg_locks shows it.
struct held_lock {
    int backend;
    std::int64_t key;
};

/// Watches, in a thread of its own, how long the server keeps the locks that a fault has hit.
class release_monitor {
public:
    explicit release_monitor(std::string conninfo);

    /// Watches these locks until the server has let go of them.
    void watch(fault_kind kind, instant since, const std::vector<held_lock>& locks);

    [[nodiscard]] std::vector<release_sample> samples() const;

private:
    void run(const std::stop_token& stop);
    void compare(const std::vector<held_lock>& held, instant now);

    std::string conninfo_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<release_sample> watched_; ///< those without their end
    std::vector<release_sample> samples_;
    std::jthread thread_;
};

} // namespace pglocks::torture
