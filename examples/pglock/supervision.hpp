// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/postgres/descriptor.hpp>

#include "command.hpp"
#include "options.hpp"
#include "signals.hpp"

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <stop_token>

namespace pglock {

/// Watches over the command until it has ended: passes signals on to it, and ends it when the lock is lost.
class supervision {
public:
    /// \param lost asked to stop when the lock is lost
    supervision(const options& given, command& child, signal_queue& signals, std::stop_token lost);

    /// \returns whether the lock was lost and the command ended for it
    [[nodiscard]] bool run();

private:
    using clock = std::chrono::steady_clock;

    void pass_on(const signalfd_siginfo& signal);
    void on_loss();
    void kill_if_due();
    void read_signals();
    void wait_for_the_group();
    [[nodiscard]] int milliseconds_to_wait() const;

    const options& given_;
    command& child_;
    signal_queue& signals_;
    pglocks::postgres::descriptor loss_;
    std::stop_callback<std::function<void()>> on_stop_;
    bool is_ending_it_ = false;
    bool loss_seen_ = false;
    std::optional<clock::time_point> kill_at_{};
};

} // namespace pglock
