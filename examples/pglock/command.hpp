// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "orphan_guard.hpp"

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <vector>

namespace pglock {

/// The command could not be run.
class cannot_run : public std::runtime_error {
public:
    cannot_run(const std::string& program, int error);
    /// 127 if there is none, else 126.
    [[nodiscard]] int status() const noexcept { return status_; }

private:
    int status_;
};

/// The command that runs under the lock: a child of this process, which does not outlive it.
///
/// Without a controlling terminal (cron, systemd, a container) it leads a process group of its own, and
/// signals go to all of the group. On a terminal it stays in the group it came from, as with flock, since
/// another would be in the background; the terminal signals both, and `send` reaches the command alone.
class command {
public:
    /// \param blocked the signals that the command is to have blocked
    /// *Throws*: `cannot_run`; `std::system_error` without a process or a pipe.
    command(const std::vector<std::string>& words, const sigset_t& blocked);
    command(const command&) = delete;
    command& operator=(const command&) = delete;
    /// Kills what has not ended.
    ~command();

    void send(int signal) const noexcept;
    /// Collects the processes that have ended, those included that the command has left behind.
    /// \returns whether the command has ended
    bool collect() noexcept;
    /// The status of `waitpid`, once the command has ended.
    [[nodiscard]] int wait_status() const noexcept { return wait_status_; }
    /// Whether the command has ended and something that it started in a group of its own has not.
    [[nodiscard]] bool left_others() const noexcept;
    /// What the command, when it has ended, has left behind in pglock's own group; what that has started
    /// follows when it ends.
    [[nodiscard]] std::vector<pid_t> orphans() const;
    [[nodiscard]] bool leads_group() const noexcept { return leads_group_; }

    /// Whether commands get a group of their own here.
    [[nodiscard]] static bool get_groups() noexcept;

private:
    pid_t process_ = -1;
    std::vector<pid_t> others_; ///< that were children of this process before, as bash's >(...)
    bool leads_group_;
    bool ended_ = false;
    int wait_status_ = 0;
    std::optional<orphan_guard> guard_{};
};

} // namespace pglock
