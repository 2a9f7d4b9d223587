// SPDX-License-Identifier: BSL-1.0
// A contestant of the benchmark: see --help.
#include "benchmark/contestant.hpp"
#include "benchmark/hand_off.hpp"
#include "benchmark/options.hpp"
#include "benchmark/session_threads.hpp"

#include <charconv>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pglocks::benchmark {
namespace {

unsigned parse_command(std::string_view line) {
    constexpr std::string_view run = "run ";
    unsigned count = 0;
    if (line.starts_with(run)) {
        line.remove_prefix(run.size());
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), count);
        if (error == std::errc() && end == line.data() + line.size()) {
            return count;
        }
    }
    throw std::invalid_argument("commands are `run COUNT`, one a line");
}

void obey(auto& work) {
    std::cout << "ready" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        const unsigned count = parse_command(line);
        std::cout << work.run(count).count() << std::endl;
    }
}

void play(const options& chosen) {
    const auto who = find_contestant(chosen.contestant);
    if (chosen.hand_off) {
        const assignment where{chosen.conninfo, 1};
        hand_off work(chosen.conninfo, who.connect(where), who.connect(where));
        obey(work);
        return;
    }
    std::vector<std::unique_ptr<session>> sessions;
    for (unsigned i = 0; i < chosen.sessions; ++i) {
        sessions.push_back(who.connect(
            {chosen.conninfo, chosen.hot ? 1 : static_cast<std::int64_t>(i) + 1, chosen.set_size}));
    }
    session_threads work(std::move(sessions));
    obey(work);
}

} // namespace
} // namespace pglocks::benchmark

int main(int argc, char** argv) {
    try {
        if (const auto chosen = pglocks::benchmark::parse_options(argc, argv)) {
            pglocks::benchmark::play(*chosen);
        }
        return 0;
    } catch (const std::invalid_argument& error) {
        std::cerr << "pglocks_benchmark: " << error.what() << " (see --help)\n";
        return 64;
    } catch (const std::exception& error) {
        std::cerr << "pglocks_benchmark: " << error.what() << '\n';
        return 69;
    }
}
