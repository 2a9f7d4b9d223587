// SPDX-License-Identifier: BSL-1.0

#include <pglocks/policy/backoff.hpp>
#include <pglocks/policy/wait.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using pglocks::fixed_pause;
using pglocks::jittered_exponential;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// The ceiling of the pause after `tries` tries, written without doubling step by step.
nanoseconds ceiling_after(const jittered_exponential& b, unsigned tries) {
    const double wanted =
        static_cast<double>(b.first.count()) * static_cast<double>(1ULL << std::clamp(tries, 1U, 41U) >> 1U);
    return wanted < static_cast<double>(b.most.count()) ? milliseconds(static_cast<milliseconds::rep>(wanted))
                                                        : b.most;
}

TEST(jittered_exponential, pauses_between_nothing_and_a_doubling_ceiling_for_every_number_of_tries) {
    const jittered_exponential backoff;
    for (unsigned tries = 0; tries <= 1'000; ++tries) {
        for (int draw = 0; draw < 20; ++draw) {
            const nanoseconds pause = backoff(tries);
            ASSERT_GT(pause, 0ns) << tries;
            ASSERT_LE(pause, ceiling_after(backoff, tries)) << tries;
        }
    }
    EXPECT_LE(backoff(std::numeric_limits<unsigned>::max()), 1s);
}

TEST(jittered_exponential, has_ceilings_that_are_reached_and_not_passed) {
    const jittered_exponential backoff{.first = 2ms, .most = 1000ms};
    constexpr std::array<milliseconds, 12> ceilings{2ms,  2ms,   4ms,   8ms,   16ms,   32ms,
                                                    64ms, 128ms, 256ms, 512ms, 1000ms, 1000ms};
    for (unsigned tries = 0; tries < ceilings.size(); ++tries) {
        nanoseconds longest{};
        for (int draw = 0; draw < 2'000; ++draw) {
            longest = std::max(longest, backoff(tries));
        }
        EXPECT_LE(longest, ceilings[tries]) << tries;
        // That 2,000 draws all fall into the lower three quarters has the odds of 1 in 10^249.
        EXPECT_GT(longest, ceilings[tries] * 3 / 4) << tries;
    }
}

TEST(jittered_exponential, draws_from_the_whole_range) {
    const jittered_exponential backoff{.first = 1000ms, .most = 1000ms};
    constexpr int draws = 8'000;
    std::array<int, 8> eighths{};
    for (int draw = 0; draw < draws; ++draw) {
        const auto pause = backoff(1).count() - 1;
        ++eighths.at(static_cast<std::size_t>(pause * 8 / nanoseconds(1s).count()));
    }
    // 1,000 are expected in each, with a standard deviation of 30: half of that is 17 of them away.
    for (const int count : eighths) {
        EXPECT_GT(count, draws / 16);
    }
}

TEST(jittered_exponential, does_not_pause_the_same_twice_in_a_row) {
    const jittered_exponential backoff{.first = 500ms, .most = 1000ms};
    std::set<nanoseconds> seen;
    for (int draw = 0; draw < 100; ++draw) {
        seen.insert(backoff(5));
    }
    EXPECT_GT(seen.size(), 90U);
}

TEST(jittered_exponential, pauses_differently_in_two_threads) {
    const auto draw = [](std::vector<nanoseconds>& into) {
        for (int i = 0; i < 8; ++i) {
            into.push_back(jittered_exponential{.first = 1000ms, .most = 1000ms}(1));
        }
    };
    std::vector<nanoseconds> here;
    std::vector<nanoseconds> there;
    draw(here);
    std::thread(draw, std::ref(there)).join();
    EXPECT_NE(here, there);
}

TEST(jittered_exponential, with_extreme_values_still_pauses_within_them) {
    constexpr milliseconds most_in_nanoseconds =
        std::chrono::duration_cast<milliseconds>(nanoseconds::max()); // 292 years
    constexpr std::array<jittered_exponential, 9> extremes{{
        {.first = 0ms, .most = 0ms},
        {.first = 0ms, .most = 1000ms},
        {.first = 1000ms, .most = 0ms},
        {.first = 1000ms, .most = 10ms},
        {.first = -5ms, .most = 1000ms},
        {.first = -5ms, .most = -7ms},
        {.first = 1ms, .most = most_in_nanoseconds},
        {.first = most_in_nanoseconds, .most = most_in_nanoseconds},
        {.first = milliseconds::min(), .most = 1ms},
    }};
    for (const auto& backoff : extremes) {
        for (const unsigned tries : {0U, 1U, 2U, 3U, 63U, 64U, 65U, 1'000U}) {
            const nanoseconds pause = backoff(tries);
            ASSERT_GT(pause, 0ns);
            ASSERT_LE(pause, std::max<nanoseconds>(1ns, std::max(backoff.most, 0ms)));
        }
    }
}

TEST(jittered_exponential, without_a_ceiling_does_not_fall_back_to_no_pause) {
    const jittered_exponential backoff{.first = milliseconds::max(), .most = milliseconds::max()};
    for (const unsigned tries : {1U, 2U, 64U}) {
        nanoseconds longest{};
        for (int draw = 0; draw < 100; ++draw) {
            longest = std::max(longest, backoff(tries));
        }
        EXPECT_GT(longest, std::chrono::years(100)) << tries;
    }
}

TEST(fixed_pause, is_the_same_after_every_try) {
    const fixed_pause backoff{.pause = 30ms};
    for (const unsigned tries : {0U, 1U, 2U, 1'000U}) {
        EXPECT_EQ(backoff(tries), 30ms);
    }
    EXPECT_EQ(fixed_pause{}(1), 100ms);
}

TEST(fixed_pause, without_a_ceiling_does_not_turn_negative) {
    EXPECT_GT(fixed_pause{.pause = milliseconds::max()}(1), std::chrono::years(100));
}

TEST(backoff, is_whatever_answers_a_duration_for_a_number_of_tries) {
    const auto lambda = [](unsigned tries) { return std::chrono::microseconds(tries); };
    const auto text = [](unsigned) { return "soon"; };
    static_assert(pglocks::backoff<jittered_exponential> && pglocks::backoff<fixed_pause>);
    static_assert(pglocks::backoff<decltype(lambda)> && !pglocks::backoff<decltype(text)>);
    static_assert(!pglocks::backoff<milliseconds>);
}

TEST(backoff, without_state_makes_poll_a_policy_without_state) {
    static_assert(pglocks::stateless<pglocks::wait::poll<decltype([](unsigned) { return 1ms; })>>);
    static_assert(!pglocks::stateless<pglocks::wait::poll<fixed_pause>>);
}

} // namespace
