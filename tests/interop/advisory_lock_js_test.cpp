// SPDX-License-Identifier: BSL-1.0
// A live process that uses the npm package advisory-lock 2.0.0, and a lock of ours: each excludes the other.
#include <pglocks/interop/node.hpp>

#include "integration/lock_test.hpp"
#include "support/child_process.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

namespace pglocks::test {
namespace {

using js_lock = basic_advisory_lock<interop::advisory_lock_js>;
using js_try_lock = basic_advisory_lock<interop::advisory_lock_js, wait::none>;

/// Loading Node takes a while on a busy machine.
constexpr auto interpreter_deadline = std::chrono::seconds(60);

class advisory_lock_js : public lock_test, public testing::WithParamInterface<std::string> {
protected:
    void expect(const std::string& command, const std::string& answer) {
        peer_.send_line(command);
        peer_.expect_line(answer, interpreter_deadline);
    }
    [[nodiscard]] bool peer_can_have() {
        peer_.send_line("try " + GetParam());
        const bool held = peer_.read_line(interpreter_deadline) == "held";
        if (held) {
            expect("unlock", "released");
        }
        return held;
    }
    [[nodiscard]] bool can_have() { return js_try_lock(b_, GetParam()).owns_lock(); }
    [[nodiscard]] static lock_key key() { return key_of<interop::advisory_lock_js>(GetParam()); }

    child_process peer_{{"node", PGLOCKS_INTEROP_DIR "/advisory_lock_peer.cjs", PGLOCKS_NODE_DIR, uri()}};

private:
    /// The package takes no connection string but a URI.
    [[nodiscard]] std::string uri() {
        const auto encoded = [](const std::string& text) {
            std::string all;
            for (const char c : text) {
                std::array<char, 4> escape{};
                std::snprintf(escape.data(), escape.size(), "%%%02X", static_cast<unsigned char>(c));
                all += escape.data();
            }
            return all;
        };
        PGconn* const conn = libpq(a_);
        const std::string host = PQhost(conn);
        return "postgresql://" + encoded(PQuser(conn)) + "@/" + encoded(PQdb(conn)) +
               "?host=" + encoded(host) + "&port=" + PQport(conn);
    }
};

TEST_P(advisory_lock_js, what_node_holds_we_cannot_have) {
    expect("lock " + GetParam(), "held");
    EXPECT_EQ(owners(key()).size(), 1U);
    EXPECT_FALSE(can_have());
    expect("unlock", "released");
    EXPECT_TRUE(can_have());
}

TEST_P(advisory_lock_js, what_we_hold_node_cannot_have) {
    {
        const js_lock held(a_, GetParam());
        EXPECT_EQ(owners(key()), pids(a_));
        EXPECT_FALSE(peer_can_have());
    }
    EXPECT_TRUE(peer_can_have());
}

TEST_P(advisory_lock_js, we_wait_for_node_until_it_dies) {
    expect("lock " + GetParam(), "held");
    auto waiter = in_background([&] { return js_lock(b_, GetParam()).owns_lock(); });
    ASSERT_TRUE(queued(key()));
    peer_.kill(SIGKILL);
    EXPECT_TRUE(waiter.result());
}

TEST_P(advisory_lock_js, node_waits_for_us) {
    std::optional<js_lock> held(std::in_place, a_, GetParam());
    peer_.send_line("lock " + GetParam());
    ASSERT_TRUE(queued(key()));
    held.reset();
    peer_.expect_line("held", interpreter_deadline);
}

INSTANTIATE_TEST_SUITE_P(names, advisory_lock_js,
                         testing::Values("test-lock", "two words",
                                         "na\xc3\xafve \xe6\xbc\xa2\xf0\x9f\x94\x92"),
                         [](const auto& instance) { return "name_" + std::to_string(instance.index); });

} // namespace
} // namespace pglocks::test
