// SPDX-License-Identifier: BSL-1.0
// Policies of a user's own, at work on a server.
#include "integration/lock_test.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// NOLINTBEGIN(readability-identifier-naming)

/// An application's own vocabulary.
namespace warehouse {

using namespace std::chrono_literals;

/// Two tries, then the queue.
struct try_twice {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;
    static inline std::atomic<int> tries = 0;

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        for (int i = 0; i < 2; ++i) {
            ++tries;
            if (const auto end = lock.attempt(); end != pglocks::outcome::busy) {
                return end;
            }
        }
        return lock.queue(until);
    }
};

/// Fails after it has the lock.
struct throws_with_the_lock {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        if (lock.attempt() == pglocks::outcome::busy) {
            static_cast<void>(lock.queue(until));
        }
        throw std::runtime_error("the strategy failed");
    }
};

/// Says that it has the lock, without having asked for it.
struct lies {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;

    pglocks::outcome operator()(pglocks::acquisition auto& /*lock*/, pglocks::deadline /*until*/) const {
        return pglocks::outcome::acquired;
    }
};

/// Has the lock and says that it has not.
struct denies {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline /*until*/) const {
        static_cast<void>(lock.attempt());
        return pglocks::outcome::expired;
    }
};

/// Asks again and again for what it has.
struct asks_again {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = false;

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        static_cast<void>(lock.attempt());
        static_cast<void>(lock.attempt());
        static_cast<void>(lock.queue(until));
        return lock.attempt();
    }
};

/// Article numbers are the keys.
struct by_number {
    using axis = pglocks::axis::hash;

    static bool accepts(std::string_view name) noexcept {
        return !name.empty() &&
               std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    }
    static std::int64_t key_of(std::string_view name) noexcept {
        std::int64_t number = 0;
        for (const char c : name) {
            number = number * 10 + (c - '0');
        }
        return number;
    }
};

/// Keys of one site: a hash with state.
class of_site {
public:
    using axis = pglocks::axis::hash;
    explicit of_site(std::int32_t site) noexcept : site_(site) {}
    [[nodiscard]] pglocks::lock_key key_of(std::string_view name) const noexcept {
        return {site_, static_cast<std::int32_t>(name.size())};
    }

private:
    std::int32_t site_;
};

/// Another word for shared.
struct stocktaking {
    using axis = pglocks::axis::mode;
    static constexpr bool is_shared = true;
};

/// Another word for transaction scope.
struct while_booking {
    using axis = pglocks::axis::scope;
    static constexpr bool ends_with_transaction = true;
};

/// A pause that notes after which tries it was asked for, and tells how often, to other threads too.
struct counting_backoff {
    std::vector<unsigned>* tries;
    std::atomic<std::size_t>* count;

    std::chrono::microseconds operator()(unsigned tried) const {
        tries->push_back(tried);
        ++*count;
        return 100us;
    }
};

/// A type that the user does not own.
struct foreign_patience {};

} // namespace warehouse

template <>
struct pglocks::policy_traits<warehouse::foreign_patience> {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = false;
    static constexpr bool bounded = true;
    static pglocks::outcome acquire(const warehouse::foreign_patience& /*self*/,
                                    pglocks::acquisition auto& lock, pglocks::deadline until) {
        const auto first = lock.attempt();
        return first == pglocks::outcome::busy ? lock.queue(until) : first;
    }
};

// NOLINTEND(readability-identifier-naming)

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class custom_policy : public lock_test {};

TEST_F(custom_policy, a_wait_strategy_of_ones_own_waits_as_it_says) {
    using lock_type = basic_advisory_lock<warehouse::try_twice>;
    warehouse::try_twice::tries = 0;
    std::optional<advisory_lock> holder(std::in_place, a_, 1);
    EXPECT_FALSE(lock_type(b_, 1, 5ms).owns_lock());
    EXPECT_EQ(warehouse::try_twice::tries, 2);
    auto acquired = in_background([&] {
        const lock_type lock(b_, 1);
        return lock.owns_lock() && owners(1) == pids(b_);
    });
    ASSERT_TRUE(queued(1));
    holder.reset();
    EXPECT_TRUE(acquired.result());
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(custom_policy, a_strategy_that_throws_leaves_nothing_held) {
    using lock_type = basic_advisory_lock<warehouse::throws_with_the_lock>;
    EXPECT_THROW(static_cast<void>(lock_type(a_, 1)), std::runtime_error);
    EXPECT_TRUE(look_.advisory_locks().empty());
    lock_type again(a_, 1, std::defer_lock);
    EXPECT_THROW(again.lock(), std::runtime_error);
    EXPECT_FALSE(again.owns_lock());
    EXPECT_TRUE(look_.advisory_locks().empty());
    const advisory_lock holder(b_, 1);
    EXPECT_THROW(static_cast<void>(again.try_lock_for(5ms)), std::runtime_error);
    EXPECT_EQ(owners(1), pids(b_));
}

TEST_F(custom_policy, a_strategy_that_throws_in_a_transaction_leaves_nothing_held_after_it) {
    using lock_type = basic_advisory_lock<warehouse::throws_with_the_lock>;
    query(a_, "begin");
    EXPECT_THROW(static_cast<void>(lock_type(a_, 1)), std::runtime_error);
    EXPECT_EQ(PQtransactionStatus(libpq(a_)), PQTRANS_INTRANS);
    query(a_, "commit");
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(custom_policy, a_strategy_that_throws_keeps_what_others_own) {
    using lock_type = basic_advisory_lock<warehouse::throws_with_the_lock>;
    const advisory_lock kept(a_, 1);
    EXPECT_THROW(static_cast<void>(lock_type(a_, 1)), std::runtime_error);
    EXPECT_EQ(owners(1), pids(a_));
    EXPECT_TRUE(kept.owns_lock());
}

TEST_F(custom_policy,
       a_strategy_that_throws_at_transaction_scope_holds_until_the_transaction_ends_and_no_longer) {
    using lock_type = basic_advisory_lock<warehouse::throws_with_the_lock, scope::transaction>;
    const advisory_lock kept(a_, 1);
    {
        pglocks::transaction tx(a_);
        EXPECT_THROW(lock_type(tx, 1), std::runtime_error);
        EXPECT_THROW(lock_type(tx, 2), std::runtime_error);
        EXPECT_EQ(PQtransactionStatus(libpq(a_)), PQTRANS_INTRANS);
        tx.commit();
    }
    EXPECT_TRUE(owners(2).empty());
    EXPECT_EQ(owners(1), pids(a_)) << "the session's own hold of the key is untouched";
}

TEST_F(custom_policy, a_strategy_that_lies_is_not_believed) {
    using lock_type = basic_advisory_lock<warehouse::lies>;
    EXPECT_TRUE(throws(std::errc::resource_unavailable_try_again, [&] { const lock_type lock(a_, 1); }));
    lock_type bounded(a_, 1, 1s);
    EXPECT_FALSE(bounded.owns_lock());
    EXPECT_TRUE(throws(std::errc::resource_unavailable_try_again, [&] { bounded.lock(); }));
    EXPECT_FALSE(bounded.owns_lock());
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(custom_policy, a_strategy_that_denies_what_it_has_is_not_believed_either) {
    using lock_type = basic_advisory_lock<warehouse::denies>;
    {
        const lock_type lock(a_, 1, 1s);
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_EQ(owners(1), pids(a_));
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(custom_policy, a_strategy_that_asks_again_for_what_it_has_gets_one_hold) {
    using lock_type = basic_advisory_lock<warehouse::asks_again>;
    lock_type lock(a_, 1);
    EXPECT_TRUE(lock.owns_lock());
    lock.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty()) << "the server counted one";
}

TEST_F(custom_policy, a_type_one_does_not_own_is_a_policy_through_its_traits) {
    using lock_type = basic_advisory_lock<warehouse::foreign_patience>;
    std::optional<advisory_lock> holder(std::in_place, a_, 1);
    lock_type lock(b_, 1, 5ms);
    EXPECT_FALSE(lock.owns_lock());
    holder.reset();
    EXPECT_TRUE(lock.try_lock_for(5ms));
    EXPECT_EQ(owners(1), pids(b_));
}

TEST_F(custom_policy, a_hash_of_ones_own_gives_the_keys) {
    using lock_type = basic_advisory_lock<warehouse::by_number>;
    const lock_type lock(a_, "4711");
    EXPECT_EQ(owners(4711), pids(a_));
    const auto error = error_of<refused>([&] { const lock_type bad(a_, "47a1"); });
    EXPECT_EQ(error.name(), "47a1");
    EXPECT_EQ(look_.advisory_locks().size(), 1U);
}

TEST_F(custom_policy, a_hash_with_state_is_given_its_value) {
    using lock_type = basic_advisory_lock<warehouse::of_site>;
    const lock_type lock(a_, "12345", warehouse::of_site(9));
    EXPECT_EQ(owners({9, 5}), pids(a_));
    const lock_type other_site(b_, "12345", warehouse::of_site(10), std::try_to_lock);
    EXPECT_TRUE(other_site.owns_lock());
}

TEST_F(custom_policy, siphash_excludes_who_has_the_same_secret) {
    using lock_type = basic_advisory_lock<hash::siphash>;
    std::array<std::uint8_t, 16> secret{};
    std::generate(secret.begin(), secret.end(), [n = std::uint8_t{0}]() mutable { return n++; });
    const hash::siphash ours(secret);
    const hash::siphash theirs(std::array<std::uint8_t, 16>{});
    const lock_type holder(a_, "from outside", ours);
    EXPECT_EQ(owners(key_of("from outside", ours)), pids(a_));
    EXPECT_FALSE(lock_type(b_, "from outside", ours, std::try_to_lock).owns_lock());
    EXPECT_TRUE(lock_type(b_, "from outside", theirs, std::try_to_lock).owns_lock());
}

TEST_F(custom_policy, a_mode_and_a_scope_of_ones_own_are_new_names) {
    using lock_type = basic_advisory_lock<warehouse::stocktaking, warehouse::while_booking>;
    pglocks::transaction tx(a_);
    const lock_type lock(tx, 1);
    EXPECT_EQ(owners(1, lock_mode::shared), pids(a_));
    EXPECT_TRUE(try_shared_advisory_lock(b_, 1).owns_lock());
    tx.commit();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(custom_policy, a_backoff_with_state_is_asked_before_each_new_try) {
    using lock_type = basic_advisory_lock<wait::poll<warehouse::counting_backoff>>;
    std::vector<unsigned> tries;
    std::atomic<std::size_t> count = 0;
    const wait::poll<warehouse::counting_backoff> counting{{.tries = &tries, .count = &count}};
    std::optional<advisory_lock> holder(std::in_place, a_, 1);
    auto acquired = in_background([&] { return lock_type(b_, 1, counting).owns_lock(); });
    ASSERT_TRUE(eventually([&] { return count > 2; }));
    holder.reset();
    EXPECT_TRUE(acquired.result());
    EXPECT_EQ(tries.size(), count);
    for (std::size_t i = 0; i < tries.size(); ++i) {
        EXPECT_EQ(tries[i], i + 1);
    }
    tries.clear();
    const lock_type free_key(b_, 2, counting);
    EXPECT_TRUE(free_key.owns_lock());
    EXPECT_TRUE(tries.empty());
}

} // namespace
} // namespace pglocks::test
