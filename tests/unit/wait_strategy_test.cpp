// SPDX-License-Identifier: BSL-1.0

#include <pglocks/policy/wait.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using pglocks::deadline;
using pglocks::outcome;
namespace wait = pglocks::wait;

/// An acquisition that answers from a script and writes down what it was asked.
class scripted_acquisition {
public:
    struct call {
        std::string what;
        deadline until{};
        std::chrono::nanoseconds pause{};

        friend bool operator==(const call&, const call&) = default;
    };

    explicit scripted_acquisition(std::deque<outcome> answers) : answers_(std::move(answers)) {}
    scripted_acquisition(const scripted_acquisition&) = delete;
    scripted_acquisition& operator=(const scripted_acquisition&) = delete;

    outcome attempt() { return answer({.what = "attempt"}); }
    outcome queue(deadline until) { return answer({.what = "queue", .until = until}); }
    outcome acquire(deadline until) { return answer({.what = "acquire", .until = until}); }
    outcome pause(std::chrono::nanoseconds duration, deadline until) {
        return answer({.what = "pause", .until = until, .pause = duration});
    }
    [[nodiscard]] static bool stop_requested() noexcept { return false; }

    [[nodiscard]] const std::vector<call>& calls() const noexcept { return calls_; }
    /// Whether every answer was asked for.
    [[nodiscard]] bool is_finished() const noexcept { return answers_.empty(); }

private:
    outcome answer(call asked) {
        calls_.push_back(std::move(asked));
        if (answers_.empty()) {
            throw std::logic_error("the strategy goes on after its last answer");
        }
        const outcome next = answers_.front();
        answers_.pop_front();
        return next;
    }

    std::deque<outcome> answers_;
    std::vector<call> calls_;
};
static_assert(pglocks::acquisition<scripted_acquisition>);

using call = scripted_acquisition::call;
using calls = std::vector<call>;

void PrintTo(const call& c, std::ostream* out) { // NOLINT(readability-identifier-naming): GoogleTest's name
    *out << c.what << (c.until ? " with a deadline" : "") << " after " << c.pause.count() << " ns";
}

/// What the strategy answers to this script, and the calls that it made.
template <class Strategy>
std::pair<outcome, calls> run(const Strategy& strategy, std::deque<outcome> answers, deadline until = {}) {
    scripted_acquisition lock(std::move(answers));
    const outcome end = strategy(lock, until);
    EXPECT_TRUE(lock.is_finished()) << "the strategy gave up before the end of the script";
    return {end, lock.calls()};
}

const deadline some_deadline = std::chrono::steady_clock::time_point(1h);

template <class Strategy>
class queueing_strategy : public testing::Test {};
struct strategy_names {
    template <class Strategy>
    static std::string GetName(int) {
        return std::is_same_v<Strategy, wait::block> ? "block" : "timeout";
    }
};
using queueing_strategies = testing::Types<wait::block, wait::timeout>;
TYPED_TEST_SUITE(queueing_strategy, queueing_strategies, strategy_names);

TYPED_TEST(queueing_strategy, takes_the_quickest_way_into_the_queue_with_the_deadline) {
    for (const outcome only : {outcome::acquired, outcome::expired, outcome::stopped}) {
        const auto [end, made] = run(TypeParam{}, {only}, some_deadline);
        EXPECT_EQ(end, only);
        EXPECT_EQ(made, (calls{{.what = "acquire", .until = some_deadline}}));
    }
}

TYPED_TEST(queueing_strategy, waits_without_a_deadline_when_there_is_none) {
    const auto [end, made] = run(TypeParam{}, {outcome::acquired});
    EXPECT_EQ(end, outcome::acquired);
    EXPECT_EQ(made, (calls{{.what = "acquire"}}));
}

TEST(wait_none, asks_once_whatever_the_answer) {
    for (const outcome only : {outcome::acquired, outcome::busy, outcome::stopped}) {
        const auto [end, made] = run(wait::none{}, {only}, some_deadline);
        EXPECT_EQ(end, only);
        EXPECT_EQ(made, (calls{{.what = "attempt"}}));
    }
}

/// A backoff that tells how often it was asked.
struct tries_in_milliseconds {
    std::chrono::milliseconds operator()(unsigned tries) const { return std::chrono::milliseconds(tries); }
};

TEST(wait_poll, asks_once_when_the_lock_is_free) {
    const auto [end, made] = run(wait::poll<tries_in_milliseconds>{}, {outcome::acquired});
    EXPECT_EQ(end, outcome::acquired);
    EXPECT_EQ(made, (calls{{.what = "attempt"}}));
}

TEST(wait_poll, pauses_between_tries_as_the_backoff_says_and_never_queues) {
    const auto [end, made] = run(wait::poll<tries_in_milliseconds>{},
                                 {outcome::busy, outcome::busy, outcome::busy, outcome::busy, outcome::busy,
                                  outcome::busy, outcome::acquired},
                                 some_deadline);
    EXPECT_EQ(end, outcome::acquired);
    EXPECT_EQ(made, (calls{{.what = "attempt"},
                           {.what = "pause", .until = some_deadline, .pause = 1ms},
                           {.what = "attempt"},
                           {.what = "pause", .until = some_deadline, .pause = 2ms},
                           {.what = "attempt"},
                           {.what = "pause", .until = some_deadline, .pause = 3ms},
                           {.what = "attempt"}}));
}

TEST(wait_poll, ends_with_the_pause_in_which_it_expires_or_is_stopped) {
    for (const outcome last : {outcome::expired, outcome::stopped}) {
        const auto [end, made] =
            run(wait::poll<tries_in_milliseconds>{}, {outcome::busy, outcome::busy, outcome::busy, last});
        EXPECT_EQ(end, last);
        EXPECT_EQ(made, (calls{{.what = "attempt"},
                               {.what = "pause", .pause = 1ms},
                               {.what = "attempt"},
                               {.what = "pause", .pause = 2ms}}));
    }
}

TEST(wait_poll, does_not_pause_once_a_try_was_stopped) {
    const auto [end, made] = run(wait::poll<>{}, {outcome::busy, outcome::busy, outcome::stopped});
    EXPECT_EQ(end, outcome::stopped);
    EXPECT_EQ(made.size(), 3U);
    EXPECT_EQ(made.back().what, "attempt");
}

TEST(wait_poll, uses_the_value_of_its_backoff) {
    const wait::poll<pglocks::fixed_pause> strategy{.backoff = {.pause = 17ms}};
    const auto [end, made] = run(strategy, {outcome::busy, outcome::expired});
    EXPECT_EQ(end, outcome::expired);
    EXPECT_EQ(made.back(), (call{.what = "pause", .pause = 17ms}));
}

TEST(wait_poll, goes_on_for_as_many_tries_as_it_takes) {
    std::deque<outcome> answers(2'000, outcome::busy);
    answers.push_back(outcome::acquired);
    const auto [end, made] = run(wait::poll<tries_in_milliseconds>{}, std::move(answers));
    EXPECT_EQ(end, outcome::acquired);
    EXPECT_EQ(made.size(), 2'001U);
    EXPECT_EQ(made.at(1'999).pause, 1'000ms);
}

TEST(wait_strategies, let_what_the_acquisition_throws_pass) {
    scripted_acquisition lock({});
    EXPECT_THROW(wait::block{}(lock, {}), std::logic_error);
    EXPECT_THROW(wait::none{}(lock, {}), std::logic_error);
    EXPECT_THROW(wait::timeout{}(lock, {}), std::logic_error);
    EXPECT_THROW(wait::poll<>{}(lock, {}), std::logic_error);
}

/// A strategy of the user's own, described by policy_traits.
struct foreign_strategy {};

} // namespace

template <>
struct pglocks::policy_traits<foreign_strategy> {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = false;
    static constexpr bool bounded = true;
    static outcome acquire(const foreign_strategy&, acquisition auto& lock, deadline until) {
        return lock.queue(until);
    }
};

namespace {

TEST(run_strategy, calls_what_policy_traits_has_for_a_strategy_that_one_does_not_own) {
    scripted_acquisition lock({outcome::expired});
    EXPECT_EQ(pglocks::detail::run_strategy(foreign_strategy{}, lock, some_deadline), outcome::expired);
    EXPECT_EQ(lock.calls(), (calls{{.what = "queue", .until = some_deadline}}));
}

TEST(wait_policies, say_which_waits_they_offer) {
    using pglocks::detail::waits_bounded;
    using pglocks::detail::waits_unbounded;
    static_assert(waits_unbounded<wait::block>() && !waits_bounded<wait::block>());
    static_assert(!waits_unbounded<wait::none>() && !waits_bounded<wait::none>());
    static_assert(!waits_unbounded<wait::timeout>() && waits_bounded<wait::timeout>());
    static_assert(waits_unbounded<wait::poll<>>() && waits_bounded<wait::poll<>>());
    static_assert(!waits_unbounded<foreign_strategy>() && waits_bounded<foreign_strategy>());
    static_assert(pglocks::wait_policy<foreign_strategy>);
}

} // namespace
