// SPDX-License-Identifier: BSL-1.0
// Each socket call of each scenario fails once: nothing crashes, hangs or leaks, and the locks tell the
// truth.
#include "socket_faults/failing_sockets.hpp"
#include "socket_faults/scenarios.hpp"
#include "socket_faults/stage.hpp"
#include "support/child_role.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

/// Plays one scenario with each fault at each call, and says how each time ended: `run FAULT K CALL`, for
/// what was not true `complaint ...`, and `done`. *Arguments*: connection string, scenario.
int play_all(const std::vector<std::string>& arguments) {
    constexpr unsigned endless = 1000;
    others everybody(arguments.at(0));
    const auto& scenario = scenarios().at(arguments.at(1));
    for (const auto fault : socket_faults) {
        bool failed = true;
        for (unsigned k = 1; failed; ++k) {
            std::cout << "begins " << fault << ' ' << k << std::endl;
            stage s(arguments.at(0), everybody);
            s.play(scenario, fault, k);
            failed = s.failed_call().has_value();
            std::ostringstream circumstances;
            circumstances << fault << " at call " << k << ", ";
            if (const auto call = s.failed_call()) {
                std::cout << "failed " << *call << std::endl;
                circumstances << *call;
            } else {
                circumstances << "which there was not";
            }
            for (const auto& text : s.complaints()) {
                std::cout << "complaint " << text << " (" << circumstances.str()
                          << (s.error().empty() ? "" : ", which ended with: " + s.error()) << ')'
                          << std::endl;
            }
            if (k == endless) {
                std::cout << "complaint the scenario does not come to an end" << std::endl;
                break;
            }
        }
    }
    std::cout << "done" << std::endl;
    return 0;
}

const child_role player("player", &play_all);

std::string what_the_server_sees() {
    return observer(shared_server().conninfo())
        .value(
            "select string_agg(concat_ws(' ', pid, backend_type, state, wait_event, query, (select"
            " string_agg(concat_ws(':', mode, granted, objid), ',') from pg_locks where locktype = 'advisory'"
            " and pg_locks.pid = pg_stat_activity.pid)), E'\\n') from pg_stat_activity");
}

class each_socket_call_fails_once_in : public testing::TestWithParam<std::string> {};

TEST_P(each_socket_call_fails_once_in, scenario) {
    constexpr auto hangs_after = 30s; // one scenario, played once
    child_process child = player.start({shared_server().conninfo(), GetParam()});
    std::map<std::string, int> failed;
    std::string last;
    for (std::string line; line != "done";) {
        try {
            line = child.read_line(hangs_after);
        } catch (const child_error& error) {
            FAIL() << "it hangs or has crashed after: " << last << '\n'
                   << what_the_server_sees() << '\n'
                   << error.what();
        }
        std::istringstream words(line);
        std::string what;
        words >> what >> std::ws;
        std::string rest;
        std::getline(words, rest);
        if (what == "failed") {
            ++failed[rest];
        } else if (what == "complaint") {
            ADD_FAILURE() << rest;
        }
        last = line;
    }
    EXPECT_EQ(child.wait(60s), exit_status{}) << child.errors();
    EXPECT_EQ(child.errors().find("runtime error:"), std::string::npos) << child.errors(); // by UBSan
    int all = 0;
    std::cout << "calls failed:";
    for (const auto& [call, count] : failed) {
        std::cout << ' ' << call << ' ' << count;
        all += count;
    }
    std::cout << ", in all " << all << '\n';
    RecordProperty("calls_failed", all);
    EXPECT_GT(all, 20) << "libpq does not call this program's functions: is export_dynamic set?";
}

[[nodiscard]] std::vector<std::string> names_of_scenarios() {
    std::vector<std::string> names;
    for (const auto& [name, scenario] : scenarios()) {
        names.push_back(name);
    }
    return names;
}

INSTANTIATE_TEST_SUITE_P(, each_socket_call_fails_once_in, testing::ValuesIn(names_of_scenarios()),
                         [](const auto& scenario) { return scenario.param; });

} // namespace
} // namespace pglocks::test
