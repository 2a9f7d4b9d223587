// SPDX-License-Identifier: BSL-1.0
// A live process that uses django-pglocks 1.0.4, and a lock of ours: each excludes the other on the same
// name, integer or pair, in the same database.
#include "integration/lock_test.hpp"
#include "support/django_peer.hpp"
#include "support/scratch_database.hpp"

#include <csignal>
#include <cstdint>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <variant>

namespace pglocks::test {
namespace {

using django_lock = basic_advisory_lock<interop::django_pglocks>;
using django_shared_lock = basic_advisory_lock<interop::django_pglocks, mode::shared>;
using django_try_lock = basic_advisory_lock<interop::django_pglocks, wait::none>;
using django_try_shared_lock = basic_advisory_lock<interop::django_pglocks, wait::none, mode::shared>;

/// One lock, in the words of both sides.
struct subject {
    std::string title;
    std::string in_django;
    std::variant<std::string, lock_key> in_cpp;

    [[nodiscard]] lock_key key() const {
        return std::holds_alternative<lock_key>(in_cpp)
                   ? std::get<lock_key>(in_cpp)
                   : key_of<interop::django_pglocks>(std::get<std::string>(in_cpp));
    }
};

std::ostream& operator<<(std::ostream& out, const subject& s) { return out << s.in_django; }

class django : public lock_test, public testing::WithParamInterface<subject> {
protected:
    // One peer for all tests, and another one after a failure, which may leave it anywhere.
    static void TearDownTestSuite() {
        if (living_peer) {
            living_peer->process().send_line("quit");
            EXPECT_EQ(living_peer->process().wait(), exit_status{}) << living_peer->process().errors();
            living_peer.reset();
        }
    }
    void TearDown() override {
        if (HasFailure()) {
            living_peer.reset();
        }
        lock_test::TearDown();
    }

    /// Takes the subject as a lock of this type on a session of ours.
    template <class Lock>
    [[nodiscard]] Lock lock(soci::session& session) {
        return std::visit([&](const auto& what) { return Lock(session, what); }, GetParam().in_cpp);
    }
    template <class Lock>
    [[nodiscard]] bool can_have() {
        return lock<Lock>(b_).owns_lock();
    }
    [[nodiscard]] bool peer_can_have(const std::string& options = "") {
        if (!peer_.try_lock(GetParam().in_django + options)) {
            return false;
        }
        peer_.unlock();
        return true;
    }

    [[nodiscard]] const std::string& name() const { return GetParam().in_django; }
    [[nodiscard]] lock_key key() const { return GetParam().key(); }

    /// The one backend that holds the key is not one of ours.
    [[nodiscard]] bool held_by_peer() {
        const auto all = owners(key());
        return all.size() == 1 && all != pids(a_) && all != pids(b_);
    }

    static inline std::optional<django_peer> living_peer;
    django_peer& peer_ = living_peer ? *living_peer : living_peer.emplace(conninfo());
};

TEST_P(django, what_django_holds_we_cannot_have) {
    peer_.lock(name());
    EXPECT_TRUE(held_by_peer());
    EXPECT_FALSE(can_have<django_try_lock>());
    EXPECT_FALSE(can_have<django_try_shared_lock>());
    peer_.unlock();
    EXPECT_TRUE(can_have<django_try_lock>());
}

TEST_P(django, what_we_hold_django_cannot_have) {
    {
        const auto held = lock<django_lock>(a_);
        EXPECT_EQ(owners(key(), lock_mode::exclusive), pids(a_));
        EXPECT_FALSE(peer_can_have());
        EXPECT_FALSE(peer_can_have(" shared"));
    }
    EXPECT_TRUE(peer_can_have());
}

TEST_P(django, readers_of_both_sides_go_together_and_keep_writers_out) {
    {
        const auto ours = lock<django_shared_lock>(a_);
        peer_.lock(name() + " shared");
        EXPECT_EQ(owners(key(), lock_mode::shared).size(), 2U);
        EXPECT_TRUE(can_have<django_try_shared_lock>());
        EXPECT_FALSE(can_have<django_try_lock>());
    }
    EXPECT_TRUE(held_by_peer());
    EXPECT_FALSE(can_have<django_try_lock>()) << "django reads on";
    peer_.unlock();
    const auto ours = lock<django_shared_lock>(a_);
    EXPECT_TRUE(peer_can_have(" shared"));
    EXPECT_FALSE(peer_can_have()) << "we read";
}

TEST_P(django, we_wait_for_django) {
    peer_.lock(name());
    auto waiter = in_background([&] { return lock<django_lock>(b_).owns_lock(); });
    ASSERT_TRUE(queued(key()));
    EXPECT_EQ(queue(key()), pids(b_));
    EXPECT_FALSE(waiter.ended());
    peer_.unlock();
    EXPECT_TRUE(waiter.result());
    EXPECT_TRUE(nothing_left());
}

TEST_P(django, django_waits_for_us) {
    std::optional<django_lock> holder(lock<django_lock>(a_));
    peer_.begin_lock(name());
    ASSERT_TRUE(queued(key()));
    EXPECT_EQ(owners(key()), pids(a_));
    holder.reset();
    peer_.process().expect_line("held");
    EXPECT_TRUE(held_by_peer());
    peer_.unlock();
}

TEST_P(django, an_exception_on_either_side_lets_the_other_in) {
    peer_.lock(name());
    peer_.raise();
    EXPECT_TRUE(can_have<django_try_lock>());
    try {
        const auto held = lock<django_lock>(a_);
        throw std::runtime_error("the job failed");
    } catch (const std::runtime_error&) {
        EXPECT_TRUE(peer_can_have());
    }
}

TEST_P(django, a_crash_of_django_lets_us_in) {
    django_peer crashing(conninfo());
    crashing.lock(name());
    auto waiter = in_background([&] { return lock<django_lock>(b_).owns_lock(); });
    ASSERT_TRUE(queued(key()));
    crashing.process().kill(SIGKILL);
    EXPECT_TRUE(waiter.result());
}

INSTANTIATE_TEST_SUITE_P(
    subjects, django,
    testing::Values(subject{"name", "nightly-report", std::string("nightly-report")},
                    subject{"name_of_words", R"("two words, \"quoted\"")",
                            std::string("two words, \"quoted\"")},
                    subject{"name_in_unicode", "\"na\xc3\xafve \xe6\xbc\xa2\xe5\xad\x97\"",
                            std::string("na\xc3\xafve \xe6\xbc\xa2\xe5\xad\x97")},
                    subject{"integer", "5", lock_key(5)}, subject{"negative_integer", "-5", lock_key(-5)},
                    subject{"large_integer", "9223372036854775807", lock_key(INT64_MAX)},
                    subject{"pair", "(1, 2)", lock_key(1, 2)},
                    subject{"negative_pair", "(-1, -2147483648)", lock_key(-1, INT32_MIN)}),
    [](const auto& instance) { return instance.param.title; });

class django_elsewhere : public lock_test {};

TEST_F(django_elsewhere, an_alias_is_the_session_of_its_database) {
    const scratch_database other(shared_server());
    soci::session on_other(soci::postgresql, other.conninfo());
    observer look_other(other.conninfo());
    django_peer peer(conninfo(), other.conninfo());
    peer.lock("test using other");
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_EQ(look_other.advisory_locks().size(), 1U);
    EXPECT_TRUE(django_try_lock(a_, "test").owns_lock()) << "the default alias is free";
    EXPECT_FALSE(django_try_lock(on_other, "test").owns_lock());
    peer.unlock();
    const django_lock held(on_other, "test");
    EXPECT_TRUE(peer.try_lock("test"));
    peer.unlock();
    EXPECT_FALSE(peer.try_lock("test", "other"));
}

TEST_F(django_elsewhere, integers_and_pairs_of_equal_bits_are_different_locks_on_both_sides) {
    django_peer peer(conninfo());
    const advisory_lock number(a_, (std::int64_t{1} << 32) + 2);
    EXPECT_TRUE(peer.try_lock("(1, 2)"));
    EXPECT_FALSE(peer.try_lock("4294967298"));
}

TEST_F(django_elsewhere, a_transaction_lock_of_ours_excludes_django_until_the_commit) {
    django_peer peer(conninfo());
    using in_transaction = basic_advisory_lock<interop::django_pglocks, scope::transaction>;
    pglocks::transaction tx(a_);
    const in_transaction lock(tx, "nightly-report");
    EXPECT_FALSE(peer.try_lock("nightly-report"));
    tx.commit();
    EXPECT_TRUE(peer.try_lock("nightly-report"));
}

} // namespace
} // namespace pglocks::test
