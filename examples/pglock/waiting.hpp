// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/postgres/descriptor.hpp>

#include "options.hpp"
#include "signals.hpp"
#include "waiting_display.hpp"

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>

namespace pglock {

/// What goes on beside a wait for the lock: signals end it, and a terminal shows who is in the way.
///
/// Has a thread of its own for the signals, since the thread that waits is the connection's.
class waiting {
public:
    waiting(const options& given, signal_queue& signals);
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;
    ~waiting() { end(); }

    /// Asked to stop by a signal that ends pglock.
    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
    /// Ends the thread and what the terminal shows. \returns the signal that ended the wait, or 0
    int end();

private:
    void run();
    void read_signals();

    signal_queue& signals_;
    pglocks::postgres::descriptor ended_;
    std::stop_source stop_;
    std::atomic<int> signal_ = 0;
    std::optional<waiting_display> display_{}; ///< forked while there is one thread
    std::thread thread_;
};

} // namespace pglock
