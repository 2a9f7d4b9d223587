// SPDX-License-Identifier: BSL-1.0
// Who excludes whom, across sessions: both scopes, all wait policies, both modes, both key spaces.
#include "integration/lock_test.hpp"
#include "support/scratch_database.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

using counted_poll = wait::poll<counted_pause>;

/// A session that takes one lock as its policies say, inside a transaction of its own if they want one.
template <class Lock>
class contender {
    static constexpr bool in_transaction = std::is_same_v<typename Lock::scope_policy, scope::transaction>;
    static constexpr bool needs_bound = std::is_same_v<typename Lock::wait_policy, wait::timeout>;

public:
    explicit contender(const std::string& conninfo) : session_(soci::postgresql, conninfo) {}

    bool acquire(lock_key key, std::chrono::milliseconds bound = 60s) {
        if constexpr (in_transaction) {
            transaction_.emplace(session_);
            emplace(*transaction_, key, bound);
        } else {
            emplace(session_, key, bound);
        }
        return lock_->owns_lock();
    }

    void release() {
        if constexpr (in_transaction) {
            transaction_->commit();
            transaction_.reset();
        }
        lock_.reset();
    }

    [[nodiscard]] soci::session& session() noexcept { return session_; }

private:
    template <class Resource>
    void emplace(Resource& resource, lock_key key, [[maybe_unused]] std::chrono::milliseconds bound) {
        if constexpr (needs_bound) {
            lock_.emplace(resource, key, bound);
        } else {
            lock_.emplace(resource, key);
        }
    }

    soci::session session_;
    std::optional<pglocks::transaction> transaction_;
    std::optional<Lock> lock_;
};

template <class Scope, class Wait>
struct combination {
    template <class Mode>
    using lock = basic_advisory_lock<Scope, Wait, Mode>;
};

template <class Combination>
class exclusion : public lock_test {
protected:
    template <class Mode>
    using lock = typename Combination::template lock<Mode>;
    using wait_policy = typename lock<mode::exclusive>::wait_policy;

    static constexpr bool waits = !std::is_same_v<wait_policy, wait::none>;
    static constexpr bool polls = std::is_same_v<wait_policy, counted_poll>;

    template <class First, class Second>
    void hold_together(lock_key key) {
        contender<lock<First>> first(conninfo());
        contender<lock<Second>> second(conninfo());
        ASSERT_TRUE(first.acquire(key));
        ASSERT_TRUE(second.acquire(key));
        EXPECT_EQ(owners(key), pids(first.session(), second.session()));
        first.release();
        EXPECT_EQ(owners(key), pids(second.session()));
        second.release();
        EXPECT_TRUE(look_.advisory_locks().empty());
    }

    /// The second is kept out while the first holds the key, and comes in when it lets go.
    template <class First, class Second>
    void exclude(lock_key key) {
        contender<lock<First>> first(conninfo());
        contender<lock<Second>> second(conninfo());
        ASSERT_TRUE(first.acquire(key));
        if constexpr (!waits) {
            EXPECT_FALSE(second.acquire(key));
            EXPECT_TRUE(queue(key).empty());
            EXPECT_EQ(owners(key), pids(first.session()));
            second.release();
            first.release();
            EXPECT_TRUE(second.acquire(key));
            EXPECT_EQ(owners(key), pids(second.session()));
        } else {
            const std::vector<int> waiter = pids(second.session());
            counted_pause::pauses = 0;
            auto acquired = in_background([&] { return second.acquire(key); });
            if constexpr (polls) {
                ASSERT_TRUE(eventually([] { return counted_pause::pauses > 2; }));
                EXPECT_TRUE(queue(key).empty());
            } else {
                ASSERT_TRUE(queued(key));
                EXPECT_EQ(queue(key), waiter);
            }
            EXPECT_FALSE(acquired.ended());
            EXPECT_EQ(owners(key), pids(first.session()));
            first.release();
            EXPECT_TRUE(acquired.result());
            EXPECT_EQ(owners(key), waiter);
        }
        second.release();
        EXPECT_TRUE(look_.advisory_locks().empty());
    }
};

using combinations =
    testing::Types<combination<scope::session, wait::block>, combination<scope::session, wait::none>,
                   combination<scope::session, wait::timeout>, combination<scope::session, counted_poll>,
                   combination<scope::transaction, wait::block>, combination<scope::transaction, wait::none>,
                   combination<scope::transaction, wait::timeout>,
                   combination<scope::transaction, counted_poll>>;

struct combination_names {
    template <class Combination>
    static std::string GetName(int /*index*/) {
        using lock = typename Combination::template lock<mode::exclusive>;
        const std::string scope =
            std::is_same_v<typename lock::scope_policy, scope::session> ? "session" : "transaction";
        using wait_policy = typename lock::wait_policy;
        return scope + (std::is_same_v<wait_policy, wait::block>     ? "_block"
                        : std::is_same_v<wait_policy, wait::none>    ? "_none"
                        : std::is_same_v<wait_policy, wait::timeout> ? "_timeout"
                                                                     : "_poll");
    }
};

TYPED_TEST_SUITE(exclusion, combinations, combination_names);

TYPED_TEST(exclusion, shared_and_shared_hold_a_key_together) {
    this->template hold_together<mode::shared, mode::shared>(1);
    this->template hold_together<mode::shared, mode::shared>({1, -1});
}

TYPED_TEST(exclusion, exclusive_keeps_exclusive_out) {
    this->template exclude<mode::exclusive, mode::exclusive>(1);
    this->template exclude<mode::exclusive, mode::exclusive>({1, -1});
}

TYPED_TEST(exclusion, exclusive_keeps_shared_out) {
    this->template exclude<mode::exclusive, mode::shared>(1);
    this->template exclude<mode::exclusive, mode::shared>({1, -1});
}

TYPED_TEST(exclusion, shared_keeps_exclusive_out) {
    this->template exclude<mode::shared, mode::exclusive>(1);
    this->template exclude<mode::shared, mode::exclusive>({1, -1});
}

class across_scopes : public lock_test {};

TEST_F(across_scopes, a_session_lock_keeps_a_transaction_lock_out_and_the_other_way_round) {
    {
        const advisory_lock holder(a_, "shared ground");
        pglocks::transaction tx(b_);
        const try_transaction_advisory_lock refused(tx, "shared ground");
        EXPECT_FALSE(refused.owns_lock());
    }
    {
        pglocks::transaction tx(b_);
        const transaction_advisory_lock holder(tx, "shared ground");
        const try_advisory_lock refused(a_, "shared ground");
        EXPECT_FALSE(refused.owns_lock());
    }
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(across_scopes, the_two_key_spaces_do_not_touch) {
    const advisory_lock number(a_, (std::int64_t{1} << 32) + 2);
    const try_advisory_lock pair(b_, {1, 2});
    EXPECT_TRUE(pair.owns_lock());
    EXPECT_EQ(look_.advisory_locks().size(), 2U);
}

TEST_F(across_scopes, the_same_key_in_another_database_is_free) {
    const scratch_database elsewhere(shared_server());
    soci::session other(soci::postgresql, elsewhere.conninfo());
    const advisory_lock here(a_, "one name");
    const try_advisory_lock there(other, "one name");
    EXPECT_TRUE(there.owns_lock());
    EXPECT_EQ(here.key(), there.key());
    EXPECT_EQ(owners(here.key()), pids(a_)) << "each database has keys of its own";
    const try_advisory_lock refused(b_, "one name");
    EXPECT_FALSE(refused.owns_lock());
}

TEST_F(across_scopes, a_waiting_writer_goes_before_new_readers) {
    using try_shared = try_shared_advisory_lock;
    std::optional<shared_advisory_lock> reader(std::in_place, a_, 1);
    auto writer = in_background([&] { return advisory_lock(b_, 1).owns_lock(); });
    ASSERT_TRUE(queued(1));
    soci::session newcomer = connect();
    EXPECT_FALSE(try_shared(newcomer, 1).owns_lock());
    EXPECT_TRUE(try_shared(a_, 1).owns_lock()) << "who reads already may read again";
    reader.reset();
    EXPECT_TRUE(writer.result());
}

TEST_F(across_scopes, a_lock_tells_its_key_session_and_backend) {
    const advisory_lock lock(a_, "nightly-report");
    EXPECT_EQ(lock.key(), key_of("nightly-report"));
    EXPECT_EQ(lock.session(), &a_);
    EXPECT_EQ(lock.backend_pid(), pid(a_));
    EXPECT_FALSE(lock.lost());
    EXPECT_FALSE(lock.pending());
    const advisory_lock none(b_, "nightly-report", std::defer_lock);
    EXPECT_EQ(none.backend_pid(), 0);
}

} // namespace
} // namespace pglocks::test
