// SPDX-License-Identifier: BSL-1.0

#include <pglocks/deadline.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>

namespace {

using namespace std::chrono_literals;
using pglocks::deadline;
using pglocks::detail::deadline_after;
using pglocks::detail::deadline_at;
using pglocks::detail::has_expired;
using pglocks::detail::milliseconds_until;
using clock = std::chrono::steady_clock;

constexpr clock::time_point never = clock::time_point::max();

/// How far ahead the deadline lies, as least and as most: the clock goes on between the looks at it.
struct bounds {
    clock::duration least;
    clock::duration most;
};
template <class Make>
bounds distance_to(const Make& make) {
    const auto before = clock::now();
    const clock::time_point until = make();
    const auto after = clock::now();
    return {.least = until - after, .most = until - before};
}

template <class Duration>
void expect_after(Duration timeout, clock::duration expected) {
    const auto [least, most] = distance_to([&] { return deadline_after(timeout); });
    EXPECT_LE(least, expected);
    EXPECT_GE(most, expected);
}

template <class Duration>
void expect_expired(Duration timeout) {
    EXPECT_TRUE(has_expired(deadline_after(timeout)));
    EXPECT_EQ(milliseconds_until(deadline_after(timeout)), 0);
}

TEST(deadline_after, lies_the_given_duration_ahead) {
    expect_after(250ms, 250ms);
    expect_after(3h, 3h);
    expect_after(std::chrono::duration<double>(1.5), 1500ms);
    expect_after(std::chrono::duration<float>(0.25F), 250ms);
    expect_after(std::chrono::duration<std::int32_t>(7), 7s);
    expect_after(std::chrono::duration<std::uint8_t, std::ratio<60>>(std::uint8_t{200}), 200min);
    expect_after(std::chrono::duration<std::int64_t, std::ratio<1, 30>>(45), 1500ms);
}

TEST(deadline_after, takes_durations_that_are_finer_than_the_tick_of_the_clock) {
    expect_after(std::chrono::duration<std::int64_t, std::pico>(1), 1ns);
    expect_after(std::chrono::duration<std::int64_t, std::pico>(1'000'000'000'001), 1s + 1ns);
    expect_after(std::chrono::duration<double, std::nano>(0.001), 1ns);
    expect_after(std::chrono::duration<std::int64_t, std::pico>(std::numeric_limits<std::int64_t>::max()),
                 9'223'372'036'854'776ns);
}

TEST(deadline_after, of_nothing_or_less_has_expired) {
    expect_expired(0ms);
    expect_expired(-1ns);
    expect_expired(-5h);
    expect_expired(std::chrono::nanoseconds::min());
    expect_expired(std::chrono::hours::min());
    expect_expired(std::chrono::duration<double>(-0.0));
    expect_expired(std::chrono::duration<double>(-1e300));
    expect_expired(std::chrono::duration<double>(-std::numeric_limits<double>::infinity()));
}

TEST(deadline_after, of_what_is_not_a_number_has_expired) {
    expect_expired(std::chrono::duration<float>(std::numeric_limits<float>::quiet_NaN()));
    expect_expired(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()));
    expect_expired(
        std::chrono::duration<long double, std::milli>(std::numeric_limits<long double>::quiet_NaN()));
}

TEST(deadline_after, saturates_at_the_end_of_the_clock) {
    EXPECT_EQ(deadline_after(std::chrono::hours::max()), never);
    EXPECT_EQ(deadline_after(std::chrono::nanoseconds::max()), never);
    EXPECT_EQ(deadline_after(std::chrono::seconds::max()), never);
    EXPECT_EQ(deadline_after(std::chrono::duration<double>(std::numeric_limits<double>::infinity())), never);
    EXPECT_EQ(deadline_after(std::chrono::duration<double>::max()), never);
    EXPECT_EQ(deadline_after(std::chrono::duration<float, std::ratio<86400>>::max()), never);
    EXPECT_EQ(deadline_after(std::chrono::years(293)), never);
    EXPECT_FALSE(has_expired(never));
}

TEST(deadline_after, does_not_saturate_what_the_clock_can_still_hold) {
    expect_after(std::chrono::years(290), clock::duration(std::chrono::years(290)));
    const clock::duration left = never - clock::now() - 1min;
    expect_after(left, left);
}

TEST(deadline_at, of_the_monotonic_clock_is_that_time_point) {
    const auto when = clock::now() + 1h;
    const auto error = deadline_at(when) - when;
    EXPECT_GE(error, -1us);
    EXPECT_LE(error, 1s) << "more than the time that this thread may have stood still";
}

TEST(deadline_at, of_the_system_clock_lies_as_far_ahead_as_it_does_there) {
    const auto before = clock::now();
    const auto until = deadline_at(std::chrono::system_clock::now() + 1h);
    EXPECT_GE(until, before + 1h - 1s); // the system's clock may be set between the two looks, a little
    EXPECT_LE(until, clock::now() + 1h + 1s);
}

TEST(deadline_at, of_whole_seconds_or_days_is_in_the_units_of_its_clock) {
    const auto second =
        std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()) + 100s;
    const int left = milliseconds_until(deadline_at(second));
    EXPECT_GT(left, 90'000);
    EXPECT_LE(left, 100'000);
    const auto day = std::chrono::time_point_cast<std::chrono::days>(std::chrono::system_clock::now()) +
                     std::chrono::days(2);
    const auto [least, most] = distance_to([&] { return deadline_at(day); });
    EXPECT_GT(most, 24h - 1min);
    EXPECT_LE(least, 48h);
}

TEST(deadline_at, of_a_floating_time_point_keeps_its_fraction) {
    const std::chrono::time_point<clock, std::chrono::duration<double>> when = clock::now() + 500ms;
    const int left = milliseconds_until(deadline_at(when));
    EXPECT_GE(left, 0);
    EXPECT_LE(left, 501);
}

TEST(deadline_at, of_the_past_has_expired_and_of_the_far_future_saturates) {
    EXPECT_TRUE(has_expired(deadline_at(std::chrono::system_clock::now() - 1ms)));
    EXPECT_TRUE(has_expired(deadline_at(std::chrono::system_clock::time_point::min())));
    EXPECT_TRUE(has_expired(deadline_at(clock::time_point::min())));
    EXPECT_TRUE(has_expired(deadline_at(clock::time_point())));
    EXPECT_EQ(deadline_at(clock::time_point::max()), never);
    EXPECT_EQ(deadline_at(std::chrono::time_point<std::chrono::system_clock, std::chrono::hours>::max()),
              never);
}

TEST(has_expired, is_never_true_without_a_deadline) {
    EXPECT_FALSE(has_expired(std::nullopt));
    EXPECT_FALSE(has_expired(clock::now() + 1h));
    EXPECT_TRUE(has_expired(clock::now()));
}

TEST(milliseconds_until, rounds_up) {
    // What is left is judged after the deadline was made, hence the lower bound.
    for (const auto ahead : {clock::duration(1h + 1ns), clock::duration(1h + 999'999ns)}) {
        const auto until = clock::now() + ahead;
        const int left = milliseconds_until(until);
        const auto now = clock::now();
        EXPECT_LE(left, 3'600'001);
        EXPECT_GE(std::chrono::milliseconds(left), until - now) << "the wait would end too early";
    }
    int answers_of_one = 0;
    for (int i = 0; i < 1'000; ++i) {
        answers_of_one += milliseconds_until(clock::now() + 200us) == 1 ? 1 : 0;
    }
    EXPECT_GT(answers_of_one, 0) << "less than a millisecond never counts as one";
}

TEST(milliseconds_until, of_the_past_is_nothing) {
    EXPECT_EQ(milliseconds_until(clock::now()), 0);
    EXPECT_EQ(milliseconds_until(clock::now() - 1h), 0);
    EXPECT_EQ(milliseconds_until(clock::time_point::min()), 0);
}

TEST(milliseconds_until, saturates_at_what_an_int_holds) {
    constexpr int most = std::numeric_limits<int>::max();
    EXPECT_EQ(milliseconds_until(never), most);
    EXPECT_EQ(milliseconds_until(clock::now() + std::chrono::milliseconds(most) + 1h), most);
    const int below = milliseconds_until(clock::now() + std::chrono::milliseconds(most) - 1h);
    EXPECT_LE(below, most - 3'600'000);
    EXPECT_GT(below, most - 3'700'000);
}

} // namespace
