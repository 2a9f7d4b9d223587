// SPDX-License-Identifier: BSL-1.0
// What the documentation shows as printed by a program is what the library prints.
#include <pglocks/inspect.hpp>

#include "integration/lock_test.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <string>
#include <utility>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

std::string page(const std::string& name) {
    std::ifstream file(std::filesystem::path(PGLOCKS_DOCS_DIR) / name);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The line about a deadlock, without what differs from victim to victim.
std::string line(const std::string& text) {
    const auto at = text.find("pglocks: deadlock");
    const std::string whole = at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
    static const std::regex ids(
        R"(process \d+|advisory lock \[[\d,]+\]|lock "[^"]*", key -?\d+ \(pg_locks: [^)]*\))",
        std::regex::icase);
    return std::regex_replace(whole, ids, "...");
}

/// What an attempt to lock in a transaction fails with.
std::string failure_of(soci::session& session, const std::string& name) {
    try {
        transaction within(session);
        const transaction_advisory_lock lock(within, name);
        return {};
    } catch (const deadlock_detected& error) {
        return error.what();
    }
}

TEST_F(lock_test, the_readme_shows_the_message_of_a_deadlock) {
    const lock_key key = key_of("stock:17");
    std::optional<advisory_lock> first(std::in_place, a_, "stock:17");
    std::optional<advisory_lock> second(std::in_place, b_, "stock:4");
    background<std::string> from_first(conninfo(), [&] { return failure_of(a_, "stock:4"); });
    background<std::string> from_second(conninfo(), [&] { return failure_of(b_, "stock:17"); });
    ASSERT_TRUE(eventually([&] { return from_first.ended() || from_second.ended(); }));
    (from_first.ended() ? first : second).reset(); // the victim's, for which the other one waits
    const std::string shown = page("../README.md");
    EXPECT_EQ(line(shown), line(from_first.result() + from_second.result()));
    EXPECT_NE(shown.find("lock \"stock:17\", key " + to_sql(key) + " (pg_locks: " + to_string(key) + ')'),
              std::string::npos);
}

TEST(documentation, shows_what_a_listed_lock_looks_like) {
    const lock_info::time_point now{};
    lock_info holder{.key = key_of("nightly-report"), .granted = true, .pid = 4711, .user = "app"};
    holder.application = "worker";
    holder.client_address = "10.0.0.7";
    holder.state = "idle in transaction";
    holder.session_started = now - 3h - 12min;
    holder.state_changed = now - 5min - 9s;
    lock_info waiter = holder;
    waiter.granted = false;
    waiter.pid = 4712;
    waiter.client_address = "10.0.0.8";
    waiter.state = "active";
    waiter.session_started = now - 8min - 2s;
    waiter.state_changed = waiter.waiting_since = now - 8400ms;
    waiter.blocked_by = {4711};
    name_registry names;
    names.add<hash::postgres<>>("nightly-report");
    const std::string shown = page("how-to/inspect_and_unblock.md");
    for (const lock_info& info : {holder, waiter}) {
        EXPECT_NE(shown.find('\n' + names.label(info.key) + ' ' + describe(info) + '\n'), std::string::npos)
            << describe(info);
    }
}

} // namespace
} // namespace pglocks::test
