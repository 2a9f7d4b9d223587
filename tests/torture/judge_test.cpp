// SPDX-License-Identifier: BSL-1.0
#include "torture/judge.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>

namespace pglocks::torture {
namespace {

using namespace std::chrono_literals;

constexpr instant start{1h};

/// Two workers, each in a process of its own, of which the second is granted the lock while the first holds
/// it.
evidence overlapping(ending end_of_first) {
    evidence all;
    hold first{.id = hold_id(0, 1, 1)};
    first.backend = 100;
    first.asked = start;
    first.answered = start;
    first.claimed_until = start + 100ms;
    first.how = end_of_first;
    if (end_of_first == ending::lost) {
        first.noticed = first.claimed_until;
        first.sign = "token";
    }
    hold second = first;
    second.id = hold_id(1, 1, 1);
    second.backend = 200;
    second.answered = start + 50ms;
    second.claimed_until = start + 60ms;
    second.how = ending::released;
    all.told.holds = {first, second};
    return all;
}

fault_record fault(fault_kind kind, instant when, int backend) {
    fault_record record{};
    record.kind = kind;
    record.begin = when;
    record.end = when;
    record.backends = {backend};
    return record;
}

bool forbids(evidence all, const std::string& what) { return judge(all).forbidden.contains(what); }

TEST(judge, forbids_two_owners_that_both_released) {
    EXPECT_TRUE(forbids(overlapping(ending::released), two_owners));
}

TEST(judge, forbids_them_whatever_fault_there_was_if_the_first_did_not_lose_its_lock) {
    auto all = overlapping(ending::released);
    all.faults = {fault(fault_kind::terminate_backend, start + 40ms, 100)};
    EXPECT_TRUE(forbids(all, two_owners));
}

TEST(judge, allows_an_owner_whose_backend_was_ended_before_the_other_was_granted) {
    auto all = overlapping(ending::lost);
    all.faults = {fault(fault_kind::terminate_backend, start + 40ms, 100)};
    const auto found = judge(all);
    EXPECT_TRUE(found.forbidden.empty()) << found.forbidden.begin()->first;
    EXPECT_EQ(found.allowed.at("terminate-backend, told after"), 1U);
    EXPECT_EQ(found.effects.at(fault_kind::terminate_backend).told, std::vector<nanoseconds>{60ms});
}

TEST(judge, forbids_it_if_the_fault_came_after_the_other_was_granted) {
    auto all = overlapping(ending::lost);
    all.faults = {fault(fault_kind::terminate_backend, start + 51ms, 100)};
    EXPECT_TRUE(forbids(all, two_owners));
}

TEST(judge, forbids_it_if_the_fault_hit_another_or_ends_no_connection) {
    auto all = overlapping(ending::lost);
    all.faults = {fault(fault_kind::terminate_backend, start + 40ms, 300)};
    EXPECT_TRUE(forbids(all, two_owners));
    all.faults = {fault(fault_kind::cancel_backend, start + 40ms, 100)};
    EXPECT_TRUE(forbids(all, two_owners));
}

TEST(judge, forbids_a_holder_that_is_told_late_though_nothing_kept_it_from_looking) {
    auto all = overlapping(ending::lost);
    all.faults = {fault(fault_kind::terminate_backend, start + 40ms, 100)};
    for (auto& each : all.told.holds) {
        each.claimed_until += 5s;
    }
    EXPECT_TRUE(forbids(all, "a holder told too late of its loss"));

    auto stopped = fault(fault_kind::stop_client, start + 45ms, 0);
    stopped.process = 0;
    stopped.end = start + 5s;
    all.faults.push_back(stopped);
    EXPECT_EQ(judge(all).allowed.at("terminate-backend, holder stopped"), 1U);
}

/// The pooler goes to transaction mode 40 ms after the start, and back 60 ms later.
fault_record reload() {
    auto record = fault(fault_kind::reload_pooler, start + 40ms, 0);
    record.end = start + 100ms;
    record.backends.clear();
    record.through = route::pooler;
    return record;
}

TEST(judge, allows_an_owner_behind_a_reloaded_pooler_that_was_told_by_its_release) {
    auto all = overlapping(ending::lost);
    all.told.holds[0].route = route::pooler;
    all.told.holds[0].sign = "release";
    all.faults = {reload()};
    const auto found = judge(all);
    EXPECT_TRUE(found.forbidden.empty()) << found.forbidden.begin()->first;
    EXPECT_EQ(found.allowed.at("reload-pooler, could not be told"), 1U);
}

TEST(judge, forbids_two_owners_behind_a_reloaded_pooler_of_whom_none_was_told_of_a_loss) {
    auto all = overlapping(ending::released);
    for (auto& each : all.told.holds) {
        each.route = route::pooler;
    }
    all.faults = {reload()};
    EXPECT_TRUE(forbids(all, two_owners));
}

TEST(judge, forbids_two_owners_whom_a_reload_of_the_pooler_does_not_explain) {
    auto all = overlapping(ending::lost);
    all.faults = {reload()};
    EXPECT_TRUE(forbids(all, two_owners)) << "the one that lost its lock did not come by the pooler";

    all.told.holds[0].route = route::pooler;
    all.faults[0].begin = start + 51ms;
    EXPECT_TRUE(forbids(all, two_owners)) << "the other had been granted the lock before";
}

TEST(judge, forbids_a_loss_behind_a_pooler_that_was_brought_back_before_the_lock_was_asked_for) {
    auto all = overlapping(ending::lost);
    all.told.holds.pop_back();
    all.told.holds[0].route = route::pooler;
    all.faults = {reload()};
    all.told.holds[0].asked = start + 700ms;
    all.told.holds[0].answered = start + 700ms;
    all.told.holds[0].claimed_until = start + 800ms;
    all.told.holds[0].noticed = start + 800ms;
    EXPECT_TRUE(forbids(all, "a loss without a cause"));
}

TEST(judge, forbids_a_lock_that_nobody_owns_whatever_fault_there_was) {
    auto all = overlapping(ending::released);
    all.told.holds.pop_back();
    all.told.holds[0].route = route::pooler;
    all.told.notes = {
        {.what = finding::phantom, .when = start + 70ms, .during = hold_id(0, 1, 2), .text = "100"}};
    all.faults = {reload()};
    EXPECT_TRUE(forbids(all, phantom_lock));
}

TEST(judge, takes_a_killed_process_for_no_owner) {
    auto all = overlapping(ending::open);
    auto kill = fault(fault_kind::kill_client, start + 40ms, 0);
    kill.process = 0;
    kill.generation = 1;
    all.faults = {kill};
    const auto found = judge(all);
    EXPECT_EQ(found.overlaps, 0U);
    EXPECT_TRUE(found.forbidden.empty()) << found.forbidden.begin()->first;
}

TEST(judge, forbids_a_loss_and_a_history_that_ends_without_a_cause) {
    EXPECT_TRUE(forbids(overlapping(ending::lost), "a loss without a cause"));
    EXPECT_TRUE(forbids(overlapping(ending::open), "a history that ends with a lock held"));
}

TEST(judge, forbids_witnesses_that_disagree) {
    auto all = overlapping(ending::released);
    all.told.holds[1].answered = start + 200ms; // by the history, one after the other
    all.told.holds[1].claimed_until = start + 300ms;
    all.conflicts = {
        {.key = 0, .present = hold_id(0, 1, 1), .entering = hold_id(1, 1, 1), .when = start + 50ms}};
    EXPECT_TRUE(forbids(all, "witnesses that disagree: shared memory saw an overlap"));
}

TEST(judge, forbids_a_lost_increment_and_a_reader_under_whom_the_row_changed) {
    auto all = overlapping(ending::released);
    for (auto& each : all.told.holds) {
        each.read = hold_id();
        each.wrote = true;
    }
    EXPECT_TRUE(forbids(all, "a lost increment"));

    all = overlapping(ending::released);
    all.told.holds[0].shared = true;
    all.told.holds[0].read = hold_id();
    all.told.holds[0].reread = all.told.holds[1].id;
    EXPECT_TRUE(forbids(all, "a reader under whom the row changed"));
}

TEST(judge, knows_that_a_run_without_an_acquisition_proves_nothing) {
    EXPECT_TRUE(forbids({}, "a run without an acquisition, which proves nothing"));
}

TEST(history, is_read_as_it_was_written) {
    std::istringstream lines("1000 1 asked 7 1 0 2 3 5000000 1\n"
                             "2000 1 granted 4711\n"
                             "3000 1 read 9\n"
                             "4000 1 told 3500 lost()\n"
                             "5000 1 told 5000 release\n"
                             "6000 0 phantom 4711\n"
                             "7000 1 rel"); // the process was killed here
    const auto told = read_history(lines);
    ASSERT_EQ(told.holds.size(), 1U);
    const auto& h = told.holds[0];
    EXPECT_EQ(h.key, 7);
    EXPECT_TRUE(h.shared);
    EXPECT_FALSE(h.in_transaction);
    EXPECT_EQ(h.wait, wait_kind::timeout);
    EXPECT_EQ(h.route, route::pooler);
    EXPECT_EQ(h.bound, 5ms);
    EXPECT_TRUE(h.raced);
    EXPECT_EQ(h.backend, 4711);
    EXPECT_EQ(h.read, hold_id(9));
    EXPECT_EQ(h.how, ending::lost);
    EXPECT_EQ(h.noticed, instant(3500ns));
    EXPECT_EQ(h.claimed_until, instant(4000ns));
    EXPECT_EQ(h.sign, "lost()");
    ASSERT_EQ(told.notes.size(), 1U);
    EXPECT_EQ(told.notes[0].what, finding::phantom);
}

TEST(history, with_a_line_that_no_worker_writes_is_refused) {
    std::istringstream lines("1000 1 granted 4711\n");
    EXPECT_THROW(static_cast<void>(read_history(lines)), std::runtime_error);
}

} // namespace
} // namespace pglocks::torture
