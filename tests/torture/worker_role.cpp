// SPDX-License-Identifier: BSL-1.0
#include "torture/worker_role.hpp"

#include <pglocks/release_failure.hpp>

#include "support/child_role.hpp"
#include "torture/shared_claims.hpp"
#include "torture/worker.hpp"

#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::torture {
namespace {

void note_failure(const lock_error& error) noexcept {
    worker::note_release_failure(error.what(), dynamic_cast<const connection_lost*>(&error) != nullptr);
}

int work(const std::vector<std::string>& arguments) {
    const std::filesystem::path directory = arguments.at(0);
    const auto number = static_cast<unsigned>(std::stoul(arguments.at(1)));
    const auto generation = static_cast<unsigned>(std::stoul(arguments.at(2)));
    const auto to = directions::from_words({arguments.begin() + 3, arguments.end()});
    if (std::freopen(complaints_in(directory, number).c_str(), "a", stderr) == nullptr) {
        return 74;
    }
    set_release_failure_handler(note_failure);

    shared_claims claims(shared_memory_in(directory));
    loss_watcher watcher;
    std::stop_source stop;
    std::deque<worker> workers;
    for (unsigned thread = 0; thread < claims.threads(); ++thread) {
        workers.emplace_back(
            worker_process{claims, to, watcher, directory, number, generation, stop.get_token()}, thread);
    }
    {
        std::vector<std::jthread> threads;
        threads.reserve(workers.size());
        for (auto& each : workers) {
            threads.emplace_back([&each] { each.run(); });
        }
        while (!claims.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        stop.request_stop();
    }
    std::cout << "done" << std::endl;
    while (std::cin.get() != std::istream::traits_type::eof()) {
    }
    return 0;
}

const test::child_role worker_role("worker", work);

} // namespace

test::child_process start_worker(const std::filesystem::path& directory, unsigned process,
                                 unsigned generation, const directions& to) {
    std::vector<std::string> arguments{directory, std::to_string(process), std::to_string(generation)};
    for (auto& word : to.words()) {
        arguments.push_back(word);
    }
    return worker_role.start(arguments);
}

} // namespace pglocks::torture
