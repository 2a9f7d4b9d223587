// SPDX-License-Identifier: BSL-1.0
// Two sessions that wait for each other: PostgreSQL ends the wait of one of them.
#include "integration/lock_test.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class deadlock : public lock_test {
protected:
    /// One of the two sessions.
    struct side {
        soci::session& session;
        std::string own;
        std::string other;
        std::unique_ptr<background<std::optional<deadlock_detected>>> crossing = nullptr;
        std::atomic<bool> is_victim = false;
    };

    /// Both ask for what the other holds. The server chooses the victim.
    template <class Cross>
    void cross(Cross wait_for) {
        for (auto* s : {&left_, &right_}) {
            s->crossing = std::make_unique<background<std::optional<deadlock_detected>>>(
                conninfo(), [s, wait_for]() -> std::optional<deadlock_detected> {
                    try {
                        wait_for(*s);
                        return std::nullopt;
                    } catch (const deadlock_detected& error) {
                        s->is_victim = true;
                        return error;
                    }
                });
        }
        ASSERT_TRUE(eventually([&] { return left_.is_victim || right_.is_victim; }));
    }

    side& victim() { return left_.is_victim ? left_ : right_; }
    side& survivor() { return left_.is_victim ? right_ : left_; }

    static void is_well_described(const deadlock_detected& error, const std::string& name) {
        EXPECT_EQ(error.sqlstate(), "40P01");
        EXPECT_EQ(error.name(), name);
        EXPECT_EQ(error.key(), key_of(name));
        EXPECT_NE(error.detail().find("waits for"), std::string::npos) << error.detail();
        EXPECT_NE(error.detail().find("advisory lock"), std::string::npos) << error.detail();
        EXPECT_FALSE(error.advice().empty());
        EXPECT_NE(std::string(error.what()).find('"' + name + '"'), std::string::npos) << error.what();
    }

    side left_{a_, "left", "right"};
    side right_{b_, "right", "left"};
};

TEST_F(deadlock, the_victim_keeps_its_other_locks_and_the_survivor_waits_for_them) {
    std::optional<advisory_lock> left(std::in_place, a_, "left");
    std::optional<advisory_lock> right(std::in_place, b_, "right");
    cross([](side& s) { const advisory_lock crossed(s.session, s.other); });
    const auto error = victim().crossing->result();
    ASSERT_TRUE(error);
    is_well_described(*error, victim().other);
    EXPECT_EQ(query(victim().session, "select 1"), "1");
    EXPECT_EQ(owners(key_of(victim().own)), pids(victim().session));
    EXPECT_TRUE(left->owns_lock());
    EXPECT_TRUE(right->owns_lock());
    EXPECT_FALSE(survivor().crossing->ended());
    auto& survives = survivor();
    (&victim() == &left_ ? left : right).reset();
    EXPECT_FALSE(survives.crossing->result()) << "it has the lock now";
}

TEST_F(deadlock, a_bounded_wait_finds_it_too) {
    const advisory_lock left(a_, "left");
    const advisory_lock right(b_, "right");
    cross([](side& s) {
        // Longer than deadlock_timeout, which is one second.
        static_cast<void>(timed_advisory_lock(s.session, s.other, 5s));
    });
    auto& loses = victim();
    auto& survives = survivor();
    const auto error = loses.crossing->result();
    ASSERT_TRUE(error);
    is_well_described(*error, loses.other);
    EXPECT_EQ(query(loses.session, "select 1"), "1");
    EXPECT_EQ(owners(key_of(loses.own)), pids(loses.session));
    EXPECT_FALSE(survives.crossing->result()) << "its bound ends its wait";
}

TEST_F(deadlock, at_transaction_scope_the_victims_failure_lets_the_survivor_go_on) {
    std::optional<pglocks::transaction> left(std::in_place, a_);
    std::optional<pglocks::transaction> right(std::in_place, b_);
    const transaction_advisory_lock in_left(*left, "left");
    const transaction_advisory_lock in_right(*right, "right");
    cross([&](side& s) {
        const transaction_advisory_lock crossed(s.own == "left" ? *left : *right, s.other);
        EXPECT_TRUE(crossed.owns_lock());
    });
    auto& loses = victim();
    auto& survives = survivor();
    const auto error = loses.crossing->result();
    ASSERT_TRUE(error);
    is_well_described(*error, loses.other);
    EXPECT_EQ(PQtransactionStatus(libpq(loses.session)), PQTRANS_INERROR);
    EXPECT_NE(error->advice().find("roll"), std::string::npos) << error->advice();
    EXPECT_FALSE(survives.crossing->result()) << "the locks of a failed transaction are gone";
    EXPECT_EQ(owners(key_of(loses.own)), pids(survives.session));
    (&loses == &left_ ? left : right)->rollback();
    EXPECT_EQ(query(loses.session, "select 1"), "1");
}

TEST_F(deadlock, two_readers_who_both_want_to_write_deadlock) {
    std::optional<shared_advisory_lock> left(std::in_place, a_, 1);
    std::optional<shared_advisory_lock> right(std::in_place, b_, 1);
    cross([](side& s) { const advisory_lock writer(s.session, 1); });
    auto& loses = victim();
    auto& survives = survivor();
    EXPECT_TRUE(loses.crossing->result());
    EXPECT_EQ(owners(1, lock_mode::shared), pids(a_, b_));
    (&loses == &left_ ? left : right).reset();
    EXPECT_FALSE(survives.crossing->result());
}

} // namespace
} // namespace pglocks::test
