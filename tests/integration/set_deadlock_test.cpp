// SPDX-License-Identifier: BSL-1.0
// Sets that cross each other, in whatever order their names are written.
#include "integration/lock_set_test.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class crossing_sets : public lock_set_test {};

TEST_F(crossing_sets, never_deadlock_and_never_overlap) {
    constexpr int threads = 8;
    constexpr int rounds = 150;
    constexpr std::size_t names = 12;
    std::array<std::atomic<int>, names> inside{};
    std::atomic<int> overlaps = 0;
    std::atomic<int> deadlocks = 0;
    std::atomic<int> done = 0;
    {
        std::vector<std::jthread> workers;
        for (int worker = 0; worker < threads; ++worker) {
            workers.emplace_back([&, worker] {
                soci::session session(soci::postgresql, conninfo());
                query(session, "set deadlock_timeout = '1ms'"); // so that none is missed
                std::minstd_rand random(static_cast<unsigned>(worker + 1));
                for (int round = 0; round < rounds; ++round) {
                    std::vector<std::size_t> mine;
                    std::vector<lock_key> keys;
                    for (std::size_t count = 2 + random() % 5; count > 0; --count) {
                        mine.push_back(random() % names);
                        const auto key = static_cast<int>(mine.back());
                        keys.push_back(key % 2 == 0 ? lock_key(-key) : lock_key(key, -key));
                    }
                    std::sort(mine.begin(), mine.end());
                    mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
                    const auto work = [&] {
                        for (const auto i : mine) {
                            overlaps += ++inside[i] == 1 ? 0 : 1;
                        }
                        std::this_thread::yield();
                        for (const auto i : mine) {
                            --inside[i];
                        }
                    };
                    try {
                        switch (random() % 3) {
                        case 0: {
                            const advisory_lock_set<> locks(session, keys);
                            work();
                            break;
                        }
                        case 1: {
                            const timed_set locks(session, keys, 1h);
                            overlaps += locks.owns_lock() ? 0 : 1;
                            work();
                            break;
                        }
                        default: {
                            pglocks::transaction tx(session);
                            const transaction_set locks(tx, keys);
                            work();
                            tx.commit();
                            break;
                        }
                        }
                        ++done;
                    } catch (const deadlock_detected&) {
                        ++deadlocks;
                    }
                }
            });
        }
    }
    EXPECT_EQ(deadlocks, 0);
    EXPECT_EQ(overlaps, 0);
    EXPECT_EQ(done, threads * rounds);
}

TEST_F(crossing_sets, do_not_deadlock_with_locks_that_are_taken_one_by_one_in_that_order) {
    std::atomic<int> deadlocks = 0;
    const auto again_and_again = [&](auto take) {
        return [&deadlocks, take] {
            soci::session session(soci::postgresql, conninfo());
            query(session, "set deadlock_timeout = '1ms'");
            for (int round = 0; round < 200; ++round) {
                try {
                    take(session);
                } catch (const deadlock_detected&) {
                    ++deadlocks;
                }
            }
        };
    };
    {
        const std::jthread one_by_one(again_and_again([](soci::session& session) {
            std::vector<advisory_lock> locks;
            for (const lock_key key : in_order) {
                locks.emplace_back(session, key);
            }
        }));
        const std::jthread at_once(
            again_and_again([](soci::session& session) { const advisory_lock_set<> locks(session, mixed); }));
    }
    EXPECT_EQ(deadlocks, 0);
}

} // namespace
} // namespace pglocks::test
