// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"
#include "torture/shared_claims.hpp"
#include "torture/worker_session.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace pglocks::torture {

/// The worker processes of a run, each in its latest life.
class worker_pool {
public:
    worker_pool(std::filesystem::path directory, shared_claims& claims, directions to, unsigned processes);

    [[nodiscard]] unsigned size() const noexcept { return static_cast<unsigned>(processes_.size()); }
    [[nodiscard]] pid_t id(unsigned process) const { return processes_.at(process).child.id(); }
    [[nodiscard]] unsigned generation(unsigned process) const { return processes_.at(process).generation; }

    /// Kills a process, waits for its end, and starts its next life. *Requires*: the main thread.
    void kill_and_restart(unsigned process);

    /// Tells all to stop, and waits until their threads have ended; their sessions stay open.
    /// \returns what went wrong with any of them.
    [[nodiscard]] std::vector<std::string> finish();
    /// Ends the processes. \returns what went wrong with any of them.
    [[nodiscard]] std::vector<std::string> end();

    /// Processes that have ended though nobody killed them.
    [[nodiscard]] std::vector<std::string> unexpected_ends();

private:
    struct life {
        test::child_process child;
        unsigned generation;
    };

    [[nodiscard]] std::string complaint(unsigned process, const std::string& what) const;

    std::filesystem::path directory_;
    shared_claims& claims_;
    directions to_;
    std::vector<life> processes_;
};

} // namespace pglocks::torture
