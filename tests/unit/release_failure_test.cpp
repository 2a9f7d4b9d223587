// SPDX-License-Identifier: BSL-1.0

#include <pglocks/release_failure.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using pglocks::lock_error;
using pglocks::print_release_failure;
using pglocks::set_release_failure_handler;
using pglocks::detail::report_not_held;
using pglocks::detail::report_release_failure;

std::vector<std::string> heard; // a handler is a plain function

void keep(const lock_error& error) noexcept { heard.emplace_back(error.what()); }
void ignore(const lock_error& /*error*/) noexcept {}

class release_failure_handler : public testing::Test {
protected:
    release_failure_handler() { heard.clear(); }
    ~release_failure_handler() override { set_release_failure_handler(nullptr); }
    release_failure_handler(const release_failure_handler&) = delete;
    release_failure_handler& operator=(const release_failure_handler&) = delete;
};

/// What `f` writes to stderr.
std::string on_stderr(const std::function<void()>& f) {
    testing::internal::CaptureStderr();
    f();
    return testing::internal::GetCapturedStderr();
}

TEST_F(release_failure_handler, prints_until_another_is_set) {
    EXPECT_EQ(set_release_failure_handler(&keep), &print_release_failure);
    EXPECT_EQ(set_release_failure_handler(&ignore), &keep);
}

TEST_F(release_failure_handler, is_called_with_the_error) {
    set_release_failure_handler(&keep);
    const lock_error error({.what = "the release failed", .key = pglocks::lock_key(42)}, "job");
    EXPECT_EQ(on_stderr([&] { report_release_failure(error); }), "");
    EXPECT_EQ(heard, std::vector<std::string>{error.what()});
}

TEST_F(release_failure_handler, is_the_default_again_after_a_null_pointer_was_set) {
    set_release_failure_handler(&keep);
    EXPECT_EQ(set_release_failure_handler(nullptr), &keep);
    EXPECT_EQ(set_release_failure_handler(nullptr), &print_release_failure);
    EXPECT_NE(on_stderr([] { report_not_held(42, {}); }), "");
    EXPECT_TRUE(heard.empty());
}

TEST_F(release_failure_handler, by_default_prints_one_line) {
    const lock_error error({.what = "the release failed", .key = pglocks::lock_key(42)}, "job");
    EXPECT_EQ(on_stderr([&] { report_release_failure(error); }), std::string(error.what()) + '\n');
}

TEST_F(release_failure_handler, by_default_prints_one_line_also_of_what_libpq_says_in_two) {
    const lock_error error({.what = "the release failed",
                            .message = "server closed the connection unexpectedly\n\tThis probably means "
                                       "the server terminated abnormally\n"});
    const std::string printed = on_stderr([&] { report_release_failure(error); });
    EXPECT_EQ(std::count(printed.begin(), printed.end(), '\n'), 1) << printed;
}

TEST_F(release_failure_handler, hears_which_lock_was_not_held_and_what_to_do) {
    set_release_failure_handler(&keep);
    report_not_held({1, 2}, "job");
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_NE(heard[0].find("\"job\""), std::string::npos) << heard[0];
    EXPECT_NE(heard[0].find("classid=1 objid=2 objsubid=2"), std::string::npos) << heard[0];
    EXPECT_NE(heard[0].find("pg_advisory_unlock_all"), std::string::npos) << heard[0];
}

TEST_F(release_failure_handler, is_set_and_called_from_any_thread) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([i] {
            for (int times = 0; times < 1'000; ++times) {
                set_release_failure_handler(&ignore);
                if (i % 2 == 0) {
                    report_not_held(1, {});
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(set_release_failure_handler(nullptr), &ignore);
}

} // namespace
