// SPDX-License-Identifier: BSL-1.0
#include "torture/worker_pool.hpp"

#include "torture/worker_role.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace pglocks::torture {
namespace {

/// Longer than the longest wait in a cut network, and than what a busy machine adds to it.
constexpr std::chrono::seconds patience(60);

} // namespace

worker_pool::worker_pool(std::filesystem::path directory, shared_claims& claims, directions to,
                         unsigned processes)
    : directory_(std::move(directory)),
      claims_(claims),
      to_(std::move(to)) {
    for (unsigned process = 0; process < processes; ++process) {
        processes_.push_back({start_worker(directory_, process, 1, to_), 1});
    }
}

void worker_pool::kill_and_restart(unsigned process) {
    life& now = processes_.at(process);
    claims_.bury(process, now.generation);
    now.child.kill(SIGKILL);
    now.child.wait(patience);
    ++now.generation;
    now.child = start_worker(directory_, process, now.generation, to_);
}

std::string worker_pool::complaint(unsigned process, const std::string& what) const {
    std::ifstream file(complaints_in(directory_, process));
    return "worker process " + std::to_string(process) + ' ' + what + ' ' +
           std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::string> worker_pool::unexpected_ends() {
    std::vector<std::string> all;
    for (unsigned process = 0; process < size(); ++process) {
        if (auto& child = processes_[process].child; !child.running()) {
            std::ostringstream how;
            how << child.wait(patience);
            all.push_back(complaint(process, how.str()));
        }
    }
    return all;
}

std::vector<std::string> worker_pool::finish() {
    claims_.request_stop();
    std::vector<std::string> failures;
    for (unsigned process = 0; process < size(); ++process) {
        try {
            processes_[process].child.expect_line("done", patience);
        } catch (const test::child_error& error) {
            failures.push_back(complaint(process, "does not finish: " + std::string(error.what())));
        }
    }
    return failures;
}

std::vector<std::string> worker_pool::end() {
    std::vector<std::string> failures;
    for (unsigned process = 0; process < size(); ++process) {
        auto& child = processes_[process].child;
        child.close_input();
        try {
            if (const auto status = child.wait(patience); status != test::exit_status{}) {
                std::ostringstream how;
                how << status;
                failures.push_back(complaint(process, how.str()));
            }
        } catch (const test::child_error& error) {
            failures.push_back(complaint(process, error.what()));
        }
    }
    return failures;
}

} // namespace pglocks::torture
