// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace pglocks::test {

/// A process as Linux shows it. Source: proc(5), /proc/pid/stat.
struct process_info {
    pid_t id = 0;
    char state = 0; ///< R, S, D, T (stopped), Z (zombie), ...
    pid_t parent = 0;
    std::string start_time; ///< tells it from a later process with the same id

    /// Whether the process had ended: a zombie has.
    [[nodiscard]] bool has_ended() const noexcept { return state == 'Z' || state == 'X'; }
};

/// The process with this id, if there is one.
[[nodiscard]] std::optional<process_info> find_process(pid_t id);

/// The processes whose parent is this one.
[[nodiscard]] std::vector<process_info> children_of(pid_t parent);

/// Whether there is no process with this id that has not ended.
[[nodiscard]] bool has_ended(pid_t id);

/// Whether the process that was seen has ended.
[[nodiscard]] bool has_ended(const process_info& seen);

} // namespace pglocks::test
