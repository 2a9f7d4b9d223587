// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"
#include "support/eventually.hpp"
#include "support/process_info.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/types.h>

namespace pglocks::test {

/// Ends a process that owns a server and has said the server's directory and process ID, by a signal or, for
/// 0, by the end of its input: the server ends with it, and its directory is removed.
inline void expect_nothing_left_after(int signal, child_process owner) {
    using std::chrono::seconds;
    const std::filesystem::path directory = owner.read_line(seconds(60));
    const pid_t server = std::stoi(owner.read_line());
    EXPECT_FALSE(has_ended(server));
    if (signal == 0) {
        owner.close_input();
        EXPECT_EQ(owner.wait(), exit_status{});
    } else {
        owner.kill(signal);
        EXPECT_EQ(owner.wait(), (exit_status{.code = 0, .signal = signal}));
    }
    EXPECT_TRUE(eventually([=] { return has_ended(server); }, seconds(60)));
    EXPECT_TRUE(eventually([=] { return !std::filesystem::exists(directory); }, seconds(60))) << directory;
}

} // namespace pglocks::test
