// SPDX-License-Identifier: BSL-1.0
// Errors that name who has the lock, when they are asked to.
#include <pglocks/inspect.hpp>

#include "integration/lock_test.hpp"
#include "support/messages.hpp"
#include "support/postgres_server.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

class named_holders : public lock_test {
protected:
    soci::session holder_{soci::postgresql, conninfo() + " application_name=importer"};
    std::string holder_is_{"held by pid " + std::to_string(pid(holder_))};
};

TEST_F(named_holders, a_timeout_becomes_an_error_that_names_them) {
    const advisory_lock held(holder_, "import");
    const timed_advisory_lock lock(a_, "import", 1ms);
    const auto error = error_of<not_acquired>([&] { require_acquired(a_, lock, "import"); });
    for (const std::string& part :
         {std::string("lock \"import\""), holder_is_, std::string("application \"importer\"")}) {
        EXPECT_TRUE(contains(error.what(), part)) << error.what();
    }
    EXPECT_EQ(error.key(), key_of("import"));
    EXPECT_EQ(error.name(), "import");
    EXPECT_EQ(error.sqlstate(), "55P03");
    ASSERT_EQ(error.in_the_way().size(), 1U);
    EXPECT_EQ(error.in_the_way()[0].pid, pid(holder_));
    EXPECT_THROW(require_acquired(b_, lock), lock_error) << "any session may be asked";
}

TEST_F(named_holders, a_lock_that_was_acquired_asks_nothing) {
    const try_advisory_lock lock(a_, "import");
    const wire_trace wire(a_);
    require_acquired(a_, lock, "import");
    EXPECT_TRUE(wire.sent_nothing());
}

TEST_F(named_holders, the_writer_in_the_queue_that_a_reader_is_refused_for_is_named) {
    std::optional<shared_advisory_lock> held(std::in_place, holder_, 1);
    const auto writer = std::to_string(pid(b_));
    auto writes = in_background([&] { const advisory_lock lock(b_, 1); });
    ASSERT_TRUE(queued(1));
    {
        const try_shared_advisory_lock lock(a_, 1);
        const std::string what = message_of([&] { require_acquired(a_, lock); });
        EXPECT_TRUE(contains(what, "shared, " + holder_is_)) << what;
        EXPECT_TRUE(contains(what, "exclusive, waited for by pid " + writer)) << what;
    }
    held.reset();
    writes.result();
}

TEST_F(named_holders, who_has_let_go_in_the_meantime_is_not_named) {
    std::optional<advisory_lock> held(std::in_place, holder_, 1);
    const try_advisory_lock lock(a_, 1);
    held.reset();
    const auto error = error_of<not_acquired>([&] { require_acquired(a_, lock); });
    EXPECT_TRUE(contains(error.what(), "nobody holds it any more"));
    EXPECT_TRUE(error.in_the_way().empty());
}

TEST_F(named_holders, of_a_set_are_those_of_its_keys_alone) {
    const advisory_lock one(holder_, {1, 2});
    const advisory_lock not_ours(b_, 5);
    const advisory_lock_set<wait::none> set(a_, {lock_key(7), lock_key(1, 2)});
    const auto error = error_of<not_acquired>([&] { require_acquired(a_, set); });
    EXPECT_EQ(error.locks(), 2U);
    EXPECT_EQ(error.key(), lock_key(7));
    ASSERT_EQ(error.in_the_way().size(), 1U);
    EXPECT_EQ(error.in_the_way()[0].pid, pid(holder_));
    EXPECT_EQ(error.in_the_way()[0].key, lock_key(1, 2));
}

TEST(named_holders_of_a_deadlock, are_told_by_another_session) {
    const postgres_server server; // the victim is who looks first, which a superuser can say
    soci::session victim(soci::postgresql, server.conninfo());
    soci::session survivor(soci::postgresql, server.conninfo());
    soci::session other(soci::postgresql, server.conninfo());
    query(victim, "set deadlock_timeout = '1ms'");
    query(survivor, "set deadlock_timeout = '1h'");
    query(victim, "begin");
    const std::string survivor_is = "held by pid " + std::to_string(pid(survivor));
    std::optional<advisory_lock> mine(std::in_place, victim, "mine");
    const advisory_lock theirs(survivor, "theirs");
    background crosses(server.conninfo(), [&] { const advisory_lock crossed(survivor, "mine"); });
    ASSERT_TRUE(eventually([&] { return waiters(other, "mine").size() == 1; }));
    auto error = error_of<deadlock_detected>([&] { const advisory_lock crossed(victim, "theirs"); });
    auto by_its_own_session = error;
    add_holders(other, error);
    EXPECT_TRUE(contains(error.what(), "now exclusive, " + survivor_is)) << error.what();
    EXPECT_TRUE(contains(error.detail(), "waits for")) << "PostgreSQL's words are kept";
    add_holders(victim, by_its_own_session);
    EXPECT_TRUE(contains(by_its_own_session.what(), "its holders are not known"))
        << by_its_own_session.what();
    EXPECT_TRUE(contains(by_its_own_session.what(), "another session"));
    mine.reset();
    query(victim, "rollback");
    crosses.result();
}

TEST_F(named_holders, a_lock_timeout_of_the_sessions_own_is_told_them_too) {
    const advisory_lock held(holder_, 1);
    query(a_, "set lock_timeout = '1ms'");
    try {
        const advisory_lock lock(a_, 1);
        ADD_FAILURE() << "it was acquired";
    } catch (lock_error& error) {
        add_holders(a_, error);
        EXPECT_EQ(error.sqlstate(), "55P03");
        EXPECT_TRUE(contains(error.what(), holder_is_)) << error.what();
    }
}

TEST_F(named_holders, an_error_without_a_key_is_left_as_it_is) {
    lock_error error({.what = "it failed"});
    const wire_trace wire(a_);
    add_holders(a_, error);
    EXPECT_STREQ(error.what(), "pglocks: it failed");
    EXPECT_TRUE(wire.sent_nothing());
}

} // namespace
} // namespace pglocks::test
