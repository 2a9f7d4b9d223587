// SPDX-License-Identifier: BSL-1.0
// What a cycle of lock and unlock costs this process, counted by valgrind: the same on every run, whatever
// else the machine does.

#include "support/child_process.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pglocks::test {
namespace {

// The limits, per cycle, beyond the same calls by hand on a connection with one empty event procedure.
constexpr long most_instructions_of_a_lock = 400;
constexpr long most_instructions_of_a_guard = 600;
#ifdef __clang__ // 19, which inlines less than g++ 12 at the same level
constexpr long most_instructions_of_a_name = 200;
#else
constexpr long most_instructions_of_a_name = 150;
#endif

/// The number before this text's end, in which there may be commas.
[[nodiscard]] long number_after(std::string_view text, std::string_view label) {
    const auto at = text.find(label);
    if (at == std::string_view::npos) {
        throw std::runtime_error("valgrind has not printed \"" + std::string(label) +
                                 "\": " + std::string(text));
    }
    std::string digits;
    for (const char c : text.substr(at + label.size())) {
        if (c >= '0' && c <= '9') {
            digits += c;
        } else if (c != ',' && (c != ' ' || !digits.empty())) {
            break;
        }
    }
    return std::stol(digits);
}

[[nodiscard]] long counted(const std::vector<std::string>& tool, std::string_view label,
                           const std::string& way, int count) {
    std::vector<std::string> command{"valgrind"};
    command.insert(command.end(), tool.begin(), tool.end());
    command.insert(command.end(), {PGLOCKS_CYCLES, way, std::to_string(count), shared_server().conninfo()});
    const auto end = run(command, {.environment = {{"LD_BIND_NOW", "1"}}}, std::chrono::minutes(2));
    if (end.status != exit_status{}) {
        throw std::runtime_error("cycles " + way + " failed: " + end.errors);
    }
    return number_after(end.errors, label);
}

/// What one cycle of many costs: the difference of two runs, in which everything else is the same.
[[nodiscard]] long per_cycle(const std::vector<std::string>& tool, std::string_view label,
                             const std::string& way) {
    return (counted(tool, label, way, 1100) - counted(tool, label, way, 100)) / 1000;
}

[[nodiscard]] long instructions(const std::string& way) {
    const long count = per_cycle({"--tool=callgrind", "--callgrind-out-file=/dev/null"}, "Collected :", way);
    std::cout << "instructions per cycle, " << way << ": " << count << '\n';
    return count;
}

[[nodiscard]] long allocations(const std::string& way) {
    const long count = per_cycle({"--tool=memcheck", "--leak-check=no"}, "total heap usage:", way);
    std::cout << "allocations per cycle, " << way << ": " << count << '\n';
    return count;
}

TEST(a_cycle, costs_few_instructions_beyond_the_shortest_loop_by_hand) {
    const long bare = instructions("libpq");
    const long by_hand = instructions("libpq-with-event");
    std::cout << "libpq's own price for an event procedure: " << by_hand - bare << '\n';
    for (const std::string way : {"advisory_lock", "shared_advisory_lock", "try_advisory_lock"}) {
        EXPECT_LE(instructions(way) - by_hand, most_instructions_of_a_lock) << way;
    }
    EXPECT_LE(instructions("guard-of-a-literal") - by_hand, most_instructions_of_a_guard);
}

TEST(a_cycle, with_a_name_of_run_time_costs_its_hash_on_top) {
    const long hash = instructions("guard-of-a-name") - instructions("guard-of-a-literal");
    EXPECT_GT(hash, 0);
    EXPECT_LE(hash, most_instructions_of_a_name);
}

TEST(a_cycle, allocates_nothing_of_its_own) {
    const long bare = allocations("libpq");
    const long by_hand = allocations("libpq-with-event");
    std::cout << "libpq's own allocations for an event procedure: " << by_hand - bare << '\n';
    for (const std::string way : {"advisory_lock", "shared_advisory_lock", "try_advisory_lock",
                                  "guard-of-a-literal", "guard-of-a-name"}) {
        EXPECT_EQ(allocations(way), by_hand) << way;
    }
}

} // namespace
} // namespace pglocks::test
