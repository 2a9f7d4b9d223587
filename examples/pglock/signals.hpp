// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/postgres/descriptor.hpp>

#include <csignal>
#include <optional>
#include <sys/signalfd.h>

namespace pglock {

/// The signals that pglock passes on, kept from acting on itself and read one by one.
///
/// Blocked in the thread that makes this and in those it starts. A signal that was ignored when pglock was
/// started (nohup) is read, too, since it is blocked; for the command it stays ignored.
class signal_queue {
public:
    /// \param stops whether the signals that stop and continue are passed on, too
    explicit signal_queue(bool stops);
    signal_queue(const signal_queue&) = delete;
    signal_queue& operator=(const signal_queue&) = delete;
    ~signal_queue();

    [[nodiscard]] int descriptor_to_poll() const noexcept { return queue_.get(); }
    /// The next signal, if there is one.
    [[nodiscard]] std::optional<signalfd_siginfo> next() noexcept;
    /// What was blocked before: what the command is to have blocked.
    [[nodiscard]] const sigset_t& before() const noexcept { return before_; }

private:
    sigset_t before_{};
    pglocks::postgres::descriptor queue_;
};

/// Whether this process was told to ignore this signal.
[[nodiscard]] bool is_ignored(int signal) noexcept;

/// Ends this process as this signal does, so that whoever waits for it sees the signal; without a core. As
/// the first process of a container, which no signal ends, with 128 + its number.
[[noreturn]] void die_of(int signal) noexcept;

} // namespace pglock
