// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"
#include "torture/worker_session.hpp"

#include <filesystem>

namespace pglocks::torture {

/// Where the processes of one run meet: the shared memory and the histories.
[[nodiscard]] inline std::filesystem::path shared_memory_in(const std::filesystem::path& directory) {
    return directory / "shared-claims";
}
/// What a worker process complained of.
[[nodiscard]] inline std::filesystem::path complaints_in(const std::filesystem::path& directory,
                                                         unsigned process) {
    return directory / ("complaints-" + std::to_string(process));
}

/// Starts a worker process. It prints "done" when its threads have ended, after the shared memory told them
/// to, and keeps its sessions open until its standard input ends.
[[nodiscard]] test::child_process start_worker(const std::filesystem::path& directory, unsigned process,
                                               unsigned generation, const directions& to);

} // namespace pglocks::torture
