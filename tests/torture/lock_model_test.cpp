// SPDX-License-Identifier: BSL-1.0
#include "torture/lock_model.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace pglocks::torture {
namespace {

using namespace std::chrono_literals;

constexpr instant start{1h};

/// A hold of key 7, exclusive, by a worker that has one hold.
hold granted(unsigned worker, nanoseconds from, nanoseconds until, ending how = ending::released) {
    hold h{.id = hold_id(worker, 1, 1)};
    h.key = 7;
    h.asked = start;
    h.answered = start + from;
    h.claimed_until = start + until;
    h.how = how;
    return h;
}

hold shared(hold h) {
    h.shared = true;
    return h;
}

hold of_key(std::int64_t key, hold h) {
    h.key = key;
    return h;
}

/// The workers of the overlaps, the earlier owner first.
std::vector<std::pair<unsigned, unsigned>> overlaps(const std::vector<hold>& holds) {
    std::vector<std::pair<unsigned, unsigned>> workers;
    for (const auto& each : find_overlaps(holds)) {
        workers.emplace_back(each.first->id.worker(), each.second->id.worker());
    }
    return workers;
}

using pairs = std::vector<std::pair<unsigned, unsigned>>;

TEST(lock_model, finds_nothing_in_an_empty_history) { EXPECT_EQ(overlaps({}), pairs()); }

TEST(lock_model, lets_owners_follow_each_other) {
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms), granted(2, 10ms, 20ms), granted(3, 21ms, 30ms)}), pairs());
}

TEST(lock_model, finds_two_exclusive_owners) {
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms), granted(2, 9ms, 20ms)}), (pairs{{1, 2}}));
}

TEST(lock_model, finds_them_in_whatever_order_they_are_told) {
    EXPECT_EQ(overlaps({granted(2, 9ms, 20ms), granted(1, 0ms, 10ms)}), (pairs{{1, 2}}));
}

TEST(lock_model, finds_an_owner_within_the_time_of_another) {
    EXPECT_EQ(overlaps({granted(1, 0ms, 100ms), granted(2, 10ms, 20ms), granted(3, 30ms, 40ms)}),
              (pairs{{1, 2}, {1, 3}}));
}

TEST(lock_model, lets_readers_share) {
    EXPECT_EQ(overlaps({shared(granted(1, 0ms, 10ms)), shared(granted(2, 5ms, 20ms))}), pairs());
}

TEST(lock_model, finds_a_writer_among_readers_and_a_reader_with_a_writer) {
    EXPECT_EQ(overlaps({shared(granted(1, 0ms, 10ms)), shared(granted(2, 1ms, 10ms)), granted(3, 5ms, 6ms)}),
              (pairs{{1, 3}, {2, 3}}));
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms), shared(granted(2, 5ms, 20ms))}), (pairs{{1, 2}}));
}

TEST(lock_model, keeps_keys_apart) {
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms), of_key(8, granted(2, 0ms, 10ms))}), pairs());
}

TEST(lock_model, lets_an_owner_take_its_key_again) {
    hold again = granted(1, 5ms, 8ms);
    again.id = hold_id(1, 1, 2);
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms), again}), pairs());
}

TEST(lock_model, takes_the_next_life_of_a_process_for_another_owner) {
    hold next_life = granted(1, 5ms, 8ms);
    next_life.id = hold_id(1, 2, 1);
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms), next_life}), (pairs{{1, 1}}));
}

TEST(lock_model, passes_over_what_was_never_granted) {
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms), granted(2, 5ms, 8ms, ending::denied)}), pairs());
}

TEST(lock_model, finds_overlaps_of_owners_that_were_lost_too_since_judging_them_is_not_its_task) {
    EXPECT_EQ(overlaps({granted(1, 0ms, 10ms, ending::lost), granted(2, 5ms, 8ms)}), (pairs{{1, 2}}));
}

TEST(lock_model, says_when_the_overlap_ended) {
    const std::vector<hold> holds{granted(1, 0ms, 10ms), granted(2, 5ms, 8ms)};
    const auto found = find_overlaps(holds);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].until, start + 8ms);
}

} // namespace
} // namespace pglocks::torture
