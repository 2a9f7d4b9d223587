// SPDX-License-Identifier: BSL-1.0
// What the documentation shows as printed by a program is what the library prints.
#include <pglocks/inspect.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

std::string page(const std::string& name) {
    std::ifstream file(std::filesystem::path(PGLOCKS_DOCS_DIR) / name);
    return {std::istreambuf_iterator<char>(file), {}};
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
