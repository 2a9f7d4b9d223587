// SPDX-License-Identifier: BSL-1.0
// The live Django process: what the tests rely on.
#include "support/child_process.hpp"
#include "support/django_peer.hpp"
#include "support/eventually.hpp"
#include "support/observer.hpp"
#include "support/scratch_database.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace pglocks::test {
namespace {

class django_peer_test : public testing::Test {
protected:
    static constexpr std::int64_t key_of_test = -662733300; // crc32("test") as a signed integer

    scratch_database database_{shared_server()};
    scratch_database other_{shared_server()};
    observer look_{database_.conninfo()};
    django_peer peer_{database_.conninfo(), other_.conninfo()};
};

TEST_F(django_peer_test, takes_and_releases_the_documented_key) {
    peer_.lock("test");
    ASSERT_EQ(look_.holders(key_of_test).size(), 1U);
    EXPECT_EQ(look_.holders(key_of_test)[0].mode, lock_mode::exclusive);
    peer_.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_peer_test, takes_integers_pairs_and_quoted_names) {
    peer_.lock("-5");
    EXPECT_EQ(look_.holders(-5).size(), 1U);
    peer_.lock("(-1, 2)");
    EXPECT_EQ(look_.holders(-1, 2).size(), 1U);
    peer_.lock(R"("t\u0065st")");
    EXPECT_EQ(look_.holders(key_of_test).size(), 1U);
    peer_.unlock();
    peer_.unlock();
    peer_.unlock();
    EXPECT_TRUE(look_.advisory_locks().empty());
}

TEST_F(django_peer_test, takes_shared_locks_and_is_refused_what_is_held) {
    observer session(database_.conninfo());
    session.exec("select pg_advisory_lock_shared(" + std::to_string(key_of_test) + ")");
    peer_.lock("test shared");
    EXPECT_EQ(look_.holders(key_of_test).size(), 2U);
    peer_.unlock();
    EXPECT_FALSE(peer_.try_lock("test"));
    EXPECT_TRUE(peer_.try_lock("test shared"));
    peer_.unlock();
    EXPECT_EQ(look_.holders(key_of_test).size(), 1U);
}

TEST_F(django_peer_test, locks_in_the_database_of_another_alias) {
    peer_.lock("test using other");
    EXPECT_TRUE(look_.advisory_locks().empty());
    EXPECT_EQ(observer(other_.conninfo()).holders(key_of_test).size(), 1U);
    EXPECT_TRUE(peer_.try_lock("test"));
}

TEST_F(django_peer_test, waits_its_turn) {
    observer session(database_.conninfo());
    session.exec("select pg_advisory_lock(" + std::to_string(key_of_test) + ")");
    peer_.begin_lock("test");
    EXPECT_TRUE(eventually([&] { return look_.waiters(key_of_test).size() == 1; }));
    session.exec("select pg_advisory_unlock(" + std::to_string(key_of_test) + ")");
    peer_.process().expect_line("held");
    peer_.unlock();
}

TEST_F(django_peer_test, releases_when_an_exception_leaves_the_context) {
    peer_.lock("outer");
    peer_.lock("test");
    peer_.raise();
    EXPECT_TRUE(look_.holders(key_of_test).empty());
    EXPECT_EQ(look_.advisory_locks().size(), 1U);
    peer_.unlock();
}

TEST_F(django_peer_test, says_what_went_wrong_and_goes_on) {
    EXPECT_TRUE(peer_.ask("unlock").starts_with("error ValueError"));
    EXPECT_TRUE(peer_.ask("lock").starts_with("error ValueError"));
    EXPECT_TRUE(peer_.ask("lock (1, 2, 3) nowait").starts_with("error ValueError"));
    peer_.lock("test");
    const auto victim = look_.holders(key_of_test).at(0).pid.value();
    look_.exec("select pg_terminate_backend(" + std::to_string(victim) + ")");
    ASSERT_TRUE(eventually([&] { return look_.advisory_locks().empty(); }));
    const auto answer = peer_.ask("unlock");
    EXPECT_TRUE(answer.starts_with("error OperationalError")) << answer;
    peer_.lock("test");
    EXPECT_EQ(look_.holders(key_of_test).size(), 1U);
}

TEST_F(django_peer_test, releases_everything_when_it_quits) {
    peer_.lock("outer");
    peer_.lock("test");
    peer_.process().send_line("quit");
    EXPECT_EQ(peer_.process().wait(), exit_status{});
    EXPECT_TRUE(eventually([&] { return look_.advisory_locks().empty(); }));
}

} // namespace
} // namespace pglocks::test
