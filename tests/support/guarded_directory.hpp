// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"

#include <filesystem>
#include <sys/types.h>

namespace pglocks::test {

/// A private directory of a server's, under the directory for temporary files (TMPDIR, else /tmp).
///
/// Destruction ends the processes that were started with its path, or that of its data directory, among their
/// arguments, and removes it. If this process ends without destruction, even by SIGKILL, a guard, which is a
/// process of its own (`postgres.sh --guard`), does both. A process that fork() made of this one does
/// neither.
class guarded_directory {
public:
    /// *Throws*: std::system_error, if it cannot be made or the guard cannot be started.
    guarded_directory();
    ~guarded_directory();
    guarded_directory(const guarded_directory&) = delete;
    guarded_directory& operator=(const guarded_directory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Where everything belongs that is not a log, a process id or a socket.
    [[nodiscard]] std::filesystem::path data() const { return path_ / "data"; }

    /// Whether this process made it, rather than one that fork() made this one of.
    [[nodiscard]] bool is_ours() const noexcept;

private:
    std::filesystem::path path_;
    child_process guard_;
    pid_t owner_;
};

} // namespace pglocks::test
