// SPDX-License-Identifier: BSL-1.0
// Sets that have to wait, and that do not get all of their locks: nothing is left of them then.
#include "integration/lock_set_test.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class lock_set_that_waits : public lock_set_test {
protected:
    [[nodiscard]] std::string lock_timeout() { return query(b_, "show lock_timeout"); }
};

TEST_F(lock_set_that_waits, takes_nothing_in_one_try_if_any_lock_is_taken) {
    for (const lock_key taken : in_order) {
        const advisory_lock other(a_, taken);
        const wire_trace wire(b_);
        EXPECT_FALSE(try_set(b_, mixed).owns_lock());
        EXPECT_EQ(wire.round_trips(), 1);
        EXPECT_FALSE(advisory_lock_set<>(b_, mixed, std::try_to_lock).owns_lock());
        EXPECT_FALSE((advisory_lock_set<mode::shared, wait::none>(b_, mixed).owns_lock()));
        EXPECT_TRUE(held(b_).empty());
    }
    EXPECT_TRUE(try_set(b_, mixed).owns_lock());
}

TEST_F(lock_set_that_waits, takes_nothing_in_one_try_in_a_transaction) {
    for (const lock_key taken : in_order) {
        const advisory_lock other(a_, taken);
        pglocks::transaction tx(b_);
        query(b_, "set local lock_timeout = '7s'");
        const wire_trace wire(b_);
        EXPECT_FALSE(try_set(b_, mixed).owns_lock());
        EXPECT_EQ(wire.round_trips(), 1);
        EXPECT_FALSE(try_transaction_set(tx, mixed).owns_lock());
        EXPECT_EQ(wire.round_trips(), 3);
        EXPECT_TRUE(held(b_).empty()) << "although the transaction is open";
        EXPECT_EQ(lock_timeout(), "7s");
        tx.commit();
    }
    pglocks::transaction tx(b_);
    {
        const wire_trace wire(b_);
        const try_transaction_set locks(tx, mixed);
        EXPECT_TRUE(locks.owns_lock());
        EXPECT_EQ(wire.round_trips(), 2);
    }
    EXPECT_EQ(held(b_), in_order);
    tx.commit();
    EXPECT_TRUE(held(b_).empty());
}

TEST_F(lock_set_that_waits, takes_nothing_if_the_bound_passes) {
    for (const lock_key taken : in_order) {
        const advisory_lock other(a_, taken);
        query(b_, "set lock_timeout = '7s'");
        {
            const wire_trace wire(b_);
            EXPECT_FALSE(timed_set(b_, mixed, 5ms).owns_lock());
            EXPECT_EQ(wire.round_trips(), 1) << "the timeout needs no second one";
        }
        EXPECT_FALSE(polled_set(b_, mixed, 5ms).owns_lock());
        EXPECT_TRUE(held(b_).empty());
        pglocks::transaction tx(b_);
        EXPECT_FALSE(timed_set(b_, mixed, 5ms).owns_lock());
        EXPECT_FALSE(timed_transaction_set(tx, mixed, 5ms).owns_lock());
        EXPECT_TRUE(held(b_).empty());
        EXPECT_EQ(lock_timeout(), "7s");
        EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INTRANS);
        tx.commit();
        EXPECT_EQ(lock_timeout(), "7s");
    }
}

TEST_F(lock_set_that_waits, is_tried_once_if_the_bound_has_passed) {
    EXPECT_TRUE(timed_set(b_, mixed, 0s).owns_lock());
    EXPECT_TRUE(timed_set(b_, mixed, steady_clock::now() - 1h).owns_lock());
    const advisory_lock other(a_, 3);
    EXPECT_FALSE(timed_set(b_, mixed, -1h).owns_lock());
    EXPECT_TRUE(held(b_).empty());
}

TEST_F(lock_set_that_waits, has_one_bound_for_all_its_keys) {
    std::vector<advisory_lock> others;
    for (int key = 0; key < 8; ++key) {
        others.emplace_back(a_, key);
    }
    std::atomic<bool> ended = false;
    const auto begin = steady_clock::now();
    auto owned = in_background([&] {
        const timed_set locks(b_, {0, 1, 2, 3, 4, 5, 6, 7}, 600ms);
        ended = true;
        return locks.owns_lock();
    });
    // Each key is free in less than the bound, all of them are not.
    for (std::size_t next = 0; next < others.size() && !ended; ++next) {
        std::this_thread::sleep_until(begin + 150ms * (next + 1));
        others[next].unlock();
    }
    EXPECT_FALSE(owned.result());
    EXPECT_GE(steady_clock::now() - begin, 600ms);
    EXPECT_TRUE(eventually([&] { return ended.load(); }));
    EXPECT_TRUE(others.back().owns_lock()) << "it gave up before the last one was free";
    EXPECT_TRUE(held(b_).empty());
}

TEST_F(lock_set_that_waits, gets_all_locks_once_they_are_free) {
    const std::stop_source source;
    const auto gets = [&](auto acquire) {
        std::optional<advisory_lock> other(std::in_place, a_, lock_key(1, 2));
        const int backend = pid(b_);
        auto all = in_background([&] { return acquire(); });
        ASSERT_TRUE(queued({1, 2}));
        EXPECT_EQ(keys_of(backend), (key_list{-7, 3, {-1, 5}})) << "those before it, and no other";
        other.reset();
        EXPECT_EQ(all.result(), in_order);
        EXPECT_TRUE(eventually([&] { return keys_of(backend).empty(); }));
    };
    gets([&] {
        const advisory_lock_set<> locks(b_, mixed);
        return keys_of(locks.backend_pid());
    });
    gets([&] {
        const advisory_lock_set<> locks(b_, mixed, source.get_token());
        return keys_of(locks.backend_pid());
    });
    gets([&] {
        const timed_set locks(b_, mixed, 1h);
        return keys_of(locks.backend_pid());
    });
    gets([&] {
        const shared_set locks(b_, mixed);
        return keys_of(locks.backend_pid());
    });
    const auto in_transaction = [&]<class Set>(const auto&... bound) {
        pglocks::transaction tx(b_);
        key_list all;
        {
            const Set locks(tx, mixed, bound...);
            all = keys_of(pid(b_));
        }
        EXPECT_EQ(keys_of(pid(b_)), in_order);
        tx.commit();
        return all;
    };
    gets([&] { return in_transaction.operator()<transaction_set>(); });
    gets([&] { return in_transaction.operator()<timed_transaction_set>(1h); });
    gets([&] {
        pglocks::transaction tx(b_);
        key_list all;
        {
            const advisory_lock_set<> locks(b_, mixed);
            all = keys_of(pid(b_));
        }
        EXPECT_EQ(keys_of(pid(b_)), in_order) << "released with the transaction";
        tx.commit();
        return all;
    });
}

TEST_F(lock_set_that_waits, takes_nothing_when_it_is_stopped) {
    const advisory_lock other(a_, {1, 2});
    const auto is_stopped = [&](auto wait) {
        std::stop_source source;
        auto acquired = in_background([&] { return wait(source.get_token()); });
        ASSERT_TRUE(queued({1, 2}));
        source.request_stop();
        EXPECT_FALSE(acquired.result());
        EXPECT_TRUE(held(b_).empty());
    };
    is_stopped([&](const auto& stop) { return advisory_lock_set<>(b_, mixed, stop).owns_lock(); });
    is_stopped([&](const auto& stop) { return timed_set(b_, mixed, 1h, stop).owns_lock(); });
    pglocks::transaction tx(b_);
    is_stopped([&](const auto& stop) { return advisory_lock_set<>(b_, mixed, stop).owns_lock(); });
    is_stopped([&](const auto& stop) { return transaction_set(tx, mixed, stop).owns_lock(); });
    EXPECT_EQ(PQtransactionStatus(libpq(b_)), PQTRANS_INTRANS);
    tx.commit();
}

TEST_F(lock_set_that_waits, of_a_hundred_thousand_keys_hears_the_stop) {
    const advisory_lock other(a_, 1);
    std::vector<int> keys(100'000); // more than the buffers of a socket take
    for (std::size_t i = 0; i < keys.size(); ++i) {
        keys[i] = static_cast<int>(i);
    }
    std::stop_source source;
    auto acquired =
        in_background([&] { return advisory_lock_set<>(b_, keys, source.get_token()).owns_lock(); });
    ASSERT_TRUE(queued(1));
    source.request_stop();
    EXPECT_FALSE(acquired.result());
    EXPECT_TRUE(held(b_).empty());
}

TEST_F(lock_set_that_waits, that_polls_gets_all_locks_or_none) {
    std::optional<advisory_lock> other(std::in_place, a_, 3);
    using counted_set = advisory_lock_set<wait::poll<counted_pause>>;
    counted_pause::pauses = 0;
    auto all = in_background([&] {
        const counted_set locks(b_, mixed);
        return keys_of(locks.backend_pid());
    });
    ASSERT_TRUE(eventually([] { return counted_pause::pauses > 3; }));
    other.reset();
    EXPECT_EQ(all.result(), in_order);
}

TEST_F(lock_set_that_waits, is_one_round_trip_in_every_combination) {
    const std::stop_source source;
    const auto trips = [&](auto make) {
        const wire_trace wire(b_);
        make();
        return wire.round_trips();
    };
    EXPECT_EQ(trips([&] { const advisory_lock_set<> locks(b_, mixed); }), 2) << "and one for the release";
    EXPECT_EQ(trips([&] { const shared_set locks(b_, mixed); }), 2);
    EXPECT_EQ(trips([&] { const try_set locks(b_, mixed); }), 2);
    EXPECT_EQ(trips([&] { const timed_set locks(b_, mixed, 1s); }), 2);
    EXPECT_EQ(trips([&] { const polled_set locks(b_, mixed, 1s); }), 2);
    EXPECT_EQ(trips([&] { const advisory_lock_set<> locks(b_, mixed, source.get_token()); }), 2);
    pglocks::transaction tx(b_);
    const int and_no_release = 1;
    EXPECT_EQ(trips([&] { const timed_set locks(b_, mixed, 1s); }), and_no_release);
    EXPECT_EQ(trips([&] { const timed_set taken_back(b_, mixed, 1s); }), 0) << "the release is pending still";
    EXPECT_EQ(trips([&] { const transaction_set locks(tx, mixed); }), and_no_release);
    EXPECT_EQ(trips([&] { const timed_transaction_set locks(tx, mixed, 1s); }), and_no_release);
    EXPECT_EQ(trips([&] { const try_set locks(b_, {100, 101}); }), and_no_release);
    EXPECT_EQ(trips([&] { const try_transaction_set locks(tx, mixed); }), 2);
    EXPECT_EQ(trips([&] { tx.commit(); }), 2) << "its own, and one for all pending releases";
    EXPECT_TRUE(held(b_).empty());
}

} // namespace
} // namespace pglocks::test
