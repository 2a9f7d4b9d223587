// SPDX-License-Identifier: BSL-1.0
// Child processes, and waiting for what must happen: what the tests rely on.
#include "support/child_process.hpp"
#include "support/child_role.hpp"
#include "support/eventually.hpp"
#include "support/messages.hpp"
#include "support/process_info.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <sys/types.h>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

const child_role parent("parent", [](const std::vector<std::string>&) {
    const child_process child({"tail", "-f", "/dev/null"});
    std::cout << child.id() << '\n' << std::flush;
    std::cin.get();
    return 0;
});

TEST(eventually, asks_until_the_condition_holds) {
    int asked = 0;
    EXPECT_TRUE(eventually([&] { return ++asked == 5; }));
    EXPECT_EQ(asked, 5);
}

TEST(eventually, asks_at_least_once_and_gives_up_at_the_deadline) {
    int asked = 0;
    EXPECT_FALSE(eventually([&] { return ++asked < 0; }, 0ms));
    EXPECT_EQ(asked, 1);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(eventually([] { return false; }, 30ms));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
}

TEST(child_process, captures_output_and_errors_apart_and_tells_the_exit_code) {
    const auto ended = run({"sh", "-c", "echo out; echo err >&2; exit 7"});
    EXPECT_EQ(ended.status, (exit_status{.code = 7, .signal = 0}));
    EXPECT_EQ(ended.output, "out\n");
    EXPECT_EQ(ended.errors, "err\n");
}

TEST(child_process, speaks_line_by_line) {
    child_process child({"cat"});
    child.send_line("one");
    child.expect_line("one");
    child.send_line("two\nthree");
    EXPECT_EQ(child.read_line(), "two");
    EXPECT_EQ(child.read_line(), "three");
    child.close_input();
    EXPECT_EQ(child.wait(), exit_status{});
}

TEST(child_process, says_what_it_expected_and_all_that_the_child_printed) {
    child_process child({"sh", "-c", "echo mishap >&2; echo refused; cat"});
    const auto message = message_of([&] { child.expect_line("held"); });
    EXPECT_TRUE(contains(message, "expected the line 'held', not 'refused'")) << message;
    const auto late = message_of([&] { child.expect_line("held", 10ms); });
    EXPECT_TRUE(contains(late, "no line came in 10 ms")) << late;
    child.close_input();
    const auto ended = message_of([&] { child.expect_line("held"); });
    EXPECT_TRUE(contains(ended, "its output ended")) << ended;
    EXPECT_TRUE(contains(ended, "mishap")) << ended;
}

TEST(child_process, reads_more_than_a_pipe_holds_from_both_streams) {
    const auto ended = run({"sh", "-c", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"});
    EXPECT_EQ(ended.output.size(), 1'000'000U);
    EXPECT_EQ(ended.errors.size(), 1'000'000U);
}

TEST(child_process, tells_the_signal_that_ended_it) {
    child_process child({"cat"});
    EXPECT_TRUE(child.running());
    child.kill(SIGTERM);
    EXPECT_EQ(child.wait(), (exit_status{.code = 0, .signal = SIGTERM}));
    EXPECT_FALSE(child.running());
}

TEST(child_process, stays_alive_when_it_does_not_end_before_the_deadline) {
    child_process child({"cat"});
    EXPECT_THROW(child.wait(20ms), child_error);
    EXPECT_TRUE(child.running());
}

TEST(child_process, throws_when_the_child_no_longer_reads) {
    child_process child({"true"});
    child.wait();
    EXPECT_THROW(child.send_line("anybody there?"), child_error);
}

TEST(child_process, names_a_program_that_cannot_be_started) {
    const auto message = message_of([] { const child_process child({"no-such-program"}); });
    EXPECT_TRUE(contains(message, "cannot start no-such-program")) << message;
}

TEST(child_process, adds_to_the_environment) {
    const auto ended =
        run({"sh", "-c", "echo $COLOUR $HOME"}, {.environment = {{"COLOUR", "blue"}, {"HOME", "/nowhere"}}});
    EXPECT_EQ(ended.output, "blue /nowhere\n");
}

TEST(child_process, begins_with_default_signal_handling) {
    const auto before = std::signal(SIGINT, SIG_IGN);
    child_process child({"cat"});
    std::signal(SIGINT, before);
    child.kill(SIGINT);
    EXPECT_EQ(child.wait(), (exit_status{.code = 0, .signal = SIGINT}));
}

TEST(child_process, is_killed_with_all_it_has_started_when_destroyed) {
    std::vector<pid_t> ids;
    {
        child_process child({"sh", "-c", "tail -f /dev/null & echo $!; wait"});
        ids = {child.id(), std::stoi(child.read_line())};
        EXPECT_FALSE(has_ended(ids[1]));
    }
    for (const auto id : ids)
        EXPECT_TRUE(eventually([=] { return has_ended(id); }));
}

TEST(child_process, is_killed_when_its_parent_is) {
    child_process role = parent.start();
    const pid_t grandchild = std::stoi(role.read_line());
    EXPECT_FALSE(has_ended(grandchild));
    role.kill(SIGKILL);
    EXPECT_TRUE(eventually([=] { return has_ended(grandchild); }));
}

} // namespace
} // namespace pglocks::test
