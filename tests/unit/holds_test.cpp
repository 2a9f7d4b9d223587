// SPDX-License-Identifier: BSL-1.0

#include <pglocks/postgres/holds.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace {

using pglocks::lock_key;
using pglocks::postgres::hold;
using pglocks::postgres::holds;

using entry = std::pair<lock_key, bool>;

hold& make(holds& all, lock_key key, bool shared) {
    all.reserve_one();
    return all.at(key, shared);
}

TEST(holds, find_nothing_at_first) {
    holds all;
    EXPECT_EQ(all.find(1, false), nullptr);
    EXPECT_EQ(std::as_const(all).find(1, true), nullptr);
    EXPECT_EQ(all.begin(), all.end());
    EXPECT_FALSE(all.any_wants_release());
}

TEST(holds, make_an_entry_that_counts_nothing) {
    holds all;
    const hold& made = make(all, 1, true);
    EXPECT_EQ(made.key, lock_key(1));
    EXPECT_TRUE(made.shared);
    EXPECT_TRUE(made.is_vacant());
    EXPECT_FALSE(made.wants_release());
    EXPECT_EQ(all.find(1, true), &made);
}

TEST(holds, keep_the_modes_and_the_spaces_of_a_key_apart) {
    holds all;
    make(all, 1, false).owned = 1;
    make(all, 1, true).owned = 2;
    make(all, {0, 1}, false).owned = 3;
    EXPECT_EQ(all.find(1, false)->owned, 1U);
    EXPECT_EQ(all.find(1, true)->owned, 2U);
    EXPECT_EQ(all.find({0, 1}, false)->owned, 3U);
    EXPECT_EQ(all.find({0, 1}, true), nullptr);
}

TEST(holds, give_the_same_entry_again) {
    holds all;
    make(all, 1, false).owned = 7;
    EXPECT_EQ(make(all, 1, false).owned, 7U);
    EXPECT_EQ(all.end() - all.begin(), 1);
}

TEST(holds, erase_an_entry_only_if_it_is_vacant) {
    holds all;
    const auto is_erased_if = [&](auto change) {
        change(make(all, 1, false));
        all.erase_vacant();
        const bool erased = !all.find(1, false);
        if (!erased) {
            *all.find(1, false) = hold{.key = 1, .shared = false};
        }
        return erased;
    };
    EXPECT_TRUE(is_erased_if([](hold&) {}));
    EXPECT_FALSE(is_erased_if([](hold& h) { h.owned = 1; }));
    EXPECT_FALSE(is_erased_if([](hold& h) { h.disowned = 1; }));
    EXPECT_FALSE(is_erased_if([](hold& h) { h.surplus = 1; }));
    EXPECT_FALSE(is_erased_if([](hold& h) { h.uncertain = true; }));
}

TEST(holds, of_one_lock_after_the_other_take_no_more_room_than_the_held_ones_need) {
    holds all;
    make(all, -1, false).owned = 1;
    for (int key = 0; key < 10'000; ++key) {
        make(all, key, false).owned = 1;
        all.find(key, false)->owned = 0;
    }
    EXPECT_LE(all.end() - all.begin(), 8);
    EXPECT_EQ(all.find(-1, false)->owned, 1U);
}

TEST(holds, are_found_when_others_were_found_or_erased_in_between) {
    holds all;
    for (int key = 0; key < 3; ++key) {
        make(all, key, false).owned = 1;
    }
    EXPECT_EQ(all.find(2, false)->key, lock_key(2));
    EXPECT_EQ(all.find(0, false)->key, lock_key(0));
    all.find(1, false)->owned = 0;
    all.erase_vacant();
    EXPECT_EQ(all.find(1, false), nullptr);
    EXPECT_EQ(all.find(2, false)->key, lock_key(2));
    EXPECT_EQ(all.find(2, true), nullptr);
}

TEST(holds, want_a_release_for_a_surplus_and_for_a_doubt_about_what_nobody_keeps) {
    const auto wants = [](const hold& h) { return h.wants_release(); };
    EXPECT_FALSE(wants({.key = 1, .shared = false}));
    EXPECT_FALSE(wants({.key = 1, .shared = false, .owned = 1}));
    EXPECT_TRUE(wants({.key = 1, .shared = false, .owned = 1, .surplus = 1}));
    EXPECT_TRUE(wants({.key = 1, .shared = false, .uncertain = true}));
    EXPECT_FALSE(wants({.key = 1, .shared = false, .uncertain = true, .owned = 1}));
    EXPECT_FALSE(wants({.key = 1, .shared = false, .uncertain = true, .disowned = 1}));
    EXPECT_TRUE(wants({.key = 1, .shared = false, .uncertain = true, .owned = 1, .surplus = 1}));
}

TEST(holds, say_whether_any_entry_wants_a_release) {
    holds all;
    for (int key = 0; key < 5; ++key) {
        make(all, key, false).owned = 1;
    }
    EXPECT_FALSE(all.any_wants_release());
    all.find(3, false)->surplus = 1;
    EXPECT_TRUE(all.any_wants_release());
}

TEST(holds, reserve_room_before_it_is_needed) {
    holds all;
    for (int key = 0; key < 1'000; ++key) {
        all.reserve_one();
        const hold* const first = all.begin() == all.end() ? nullptr : &*all.begin();
        static_cast<void>(all.at(key, false)); // the greatest so far: nothing before it moves
        if (first) {
            ASSERT_EQ(&*all.begin(), first) << "the room was not there";
        }
    }
}

TEST(holds, stay_sorted_and_keep_what_a_map_keeps_in_ten_thousand_random_operations) {
    holds all;
    std::map<entry, std::uint32_t> expected;
    std::mt19937 random(1);
    constexpr std::array<lock_key, 8> keys{{0, 1, -1, 42, {0, 1}, {1, 0}, {-1, -1}, {0, 0}}};
    std::size_t largest = 0;
    for (int step = 0; step < 10'000; ++step) {
        // Sixteen keys of small numbers beside those at the edges, so that most are found again.
        const lock_key key = random() % 2 == 0 ? keys[random() % keys.size()]
                                               : lock_key(static_cast<std::int64_t>(random() % 16) - 8);
        const bool shared = random() % 2 == 0;
        const entry at(key, shared);
        switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
            make(all, key, shared).owned = static_cast<std::uint32_t>(step + 1);
            expected[at] = static_cast<std::uint32_t>(step + 1);
            break;
        }
        case 3:
        case 4:
            if (hold* const h = all.find(key, shared)) {
                h->owned = 0;
            }
            expected.erase(at);
            break;
        case 5:
        case 6:
            static_cast<void>(make(all, key, shared)); // vacant, if it is new
            break;
        default:
            if (random() % 32 == 0) {
                all.erase_vacant();
            }
            break;
        }
        const hold* const found = all.find(key, shared);
        ASSERT_EQ(found && !found->is_vacant(), expected.contains(at));
        std::vector<std::pair<entry, std::uint32_t>> kept;
        std::vector<entry> sorted;
        for (const hold& h : all) {
            sorted.emplace_back(h.key, h.shared);
            if (!h.is_vacant()) {
                kept.emplace_back(sorted.back(), h.owned);
            }
        }
        ASSERT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
        ASSERT_TRUE(std::equal(
            kept.begin(), kept.end(), expected.begin(), expected.end(),
            [](const auto& a, const auto& b) { return a.first == b.first && a.second == b.second; }))
            << "after step " << step;
        largest = std::max(largest, expected.size());
    }
    EXPECT_GT(largest, 20U) << "the operations left too little to compare";
}

TEST(holds, make_many_entries_at_once_as_one_by_one) {
    std::minstd_rand random(1);
    for (int round = 0; round < 500; ++round) {
        holds one_by_one;
        holds at_once;
        for (int step = 0; step < 6; ++step) {
            const bool shared = random() % 2 == 0;
            std::vector<lock_key> keys;
            for (std::size_t count = random() % 8; count > 0; --count) {
                const auto n = static_cast<int>(random() % 10) - 5;
                keys.push_back(random() % 2 == 0 ? lock_key(n) : lock_key(n, -n));
            }
            std::sort(keys.begin(), keys.end());
            keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
            at_once.reserve(keys.size());
            std::vector<lock_key> seen;
            at_once.for_each_made(keys, shared, [&](hold& h) {
                ++h.owned;
                seen.push_back(h.key);
            });
            ASSERT_EQ(seen, keys);
            for (const lock_key key : keys) {
                ++make(one_by_one, key, shared).owned;
            }
            ASSERT_TRUE(std::equal(
                at_once.begin(), at_once.end(), one_by_one.begin(), one_by_one.end(),
                [](const hold& a, const hold& b) { return a.is_of(b.key, b.shared) && a.owned == b.owned; }))
                << "round " << round;
            std::size_t known = 0;
            at_once.for_each_known(keys, shared, [&](const hold&) { ++known; });
            ASSERT_EQ(known, keys.size());
            at_once.for_each_known(keys, !shared, [&](const hold& h) { ASSERT_NE(h.shared, shared); });
        }
    }
}

TEST(holds, make_room_for_many_before_they_are_made) {
    holds all;
    make(all, 1, false);
    all.reserve(1'000);
    const auto* const before = &*all.begin();
    std::vector<lock_key> keys;
    for (int key = 0; key < 1'000; ++key) {
        keys.emplace_back(key);
    }
    all.for_each_made(keys, true, [](hold& h) { h.owned = 1; });
    EXPECT_EQ(&*all.begin(), before) << "nothing was allocated";
    EXPECT_EQ(all.size(), 1'000U + (all.find(1, false) ? 1U : 0U));
}

} // namespace
