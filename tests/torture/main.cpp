// SPDX-License-Identifier: BSL-1.0
// The torture program: see --help. From a build directory:
//
//     tests/torture/torture --seconds 60
//     tests/torture/torture --faults terminate-backend,stop-client --seed 7
//     tests/torture/torture --control naive-timeout --seconds 10; test $? = 3
#include "support/child_role.hpp"
#include "support/eventually.hpp"
#include "support/observer.hpp"
#include "torture/faults.hpp"
#include "torture/judge.hpp"
#include "torture/options.hpp"
#include "torture/report.hpp"
#include "torture/stage.hpp"
#include "torture/worker_pool.hpp"
#include "torture/worker_role.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace pglocks::torture {
namespace {

enum exit_code {
    all_well = 0,
    something_forbidden = 1,
    found_out = 3,
    not_found_out = 4,
    usage = 64,
    unavailable = 69
};
constexpr int interrupted_code = 130;

volatile std::sig_atomic_t interrupted = 0;

extern "C" void on_interrupt(int signal) {
    interrupted = 1;
    std::signal(signal, SIG_DFL); // the second one ends the program; the guards of its children clean up
}

/// Locks that are still held though every worker has ended its work.
std::vector<std::string> find_leaks(const std::string& conninfo) {
    test::observer look(conninfo);
    std::vector<test::advisory_lock_row> left;
    static_cast<void>(test::eventually([&] {
        left = look.advisory_locks();
        return left.empty();
    }));
    std::vector<std::string> leaks;
    for (const auto& row : left) {
        std::ostringstream text;
        text << row;
        leaks.push_back(text.str());
    }
    return leaks;
}

void keep_histories(const std::filesystem::path& from, const std::filesystem::path& to,
                    const std::vector<fault_record>& faults) {
    std::filesystem::create_directories(to);
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
        if (const auto name = entry.path().filename(); name.string().starts_with("history-")) {
            std::filesystem::copy_file(entry.path(), to / name,
                                       std::filesystem::copy_options::overwrite_existing);
        }
    }
    std::ofstream file(to / "faults");
    for (const auto& each : faults) {
        file << each.begin.time_since_epoch().count() << ' ' << each.end.time_since_epoch().count() << ' '
             << name_of(each.kind);
        for (const int backend : each.backends) {
            file << " backend " << backend;
        }
        if (each.process) {
            file << " process " << *each.process;
        }
        file << '\n';
    }
}

void inject_until(instant end, fault_injector& faults, worker_pool& workers) {
    std::minstd_rand random{std::random_device{}()};
    while (std::chrono::steady_clock::now() < end && interrupted == 0 && workers.unexpected_ends().empty()) {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(std::uniform_int_distribution(100, 400)(random)));
        if (faults.has_any()) {
            faults.inject_next();
        }
    }
}

/// Whether what was found is what the mistake leads to: each witness has to see what it is there for.
bool finds(control mistake, const verdict& found) {
    if (mistake == control::naive_timeout) {
        return found.forbidden.contains(phantom_lock) && found.forbidden.contains(lock_left_behind);
    }
    return found.forbidden.contains(two_owners) && found.overlaps > 0 && found.conflicts > 0 &&
           found.row_conflicts > 0;
}

int run(const options& chosen) {
    std::cout << "torture: --seed " << chosen.seed << ", " << chosen.duration.count() << " s, "
              << chosen.processes << " processes with " << chosen.threads << " threads, " << chosen.keys
              << " keys, control " << name_of(chosen.control) << std::endl;
    stage on(chosen);
    const auto directory = on.server().directory();
    shared_claims claims(shared_memory_in(directory), chosen);
    worker_pool workers(directory, claims, on.directions(), chosen.processes);
    fault_injector faults(chosen, on, workers);
    inject_until(std::chrono::steady_clock::now() + chosen.duration, faults, workers);
    faults.undo_all();

    auto failures = workers.unexpected_ends();
    for (auto& each : workers.finish()) {
        failures.push_back(std::move(each));
    }
    const auto leaks = find_leaks(on.conninfo());
    for (auto& each : workers.end()) {
        failures.push_back(std::move(each));
    }
    evidence all{.told = read_histories(directory),
                 .conflicts = claims.conflicts(),
                 .faults = faults.records(),
                 .releases = faults.releases(),
                 .threads = chosen.threads,
                 .postponed = faults.missed()};
    if (!chosen.histories.empty()) {
        keep_histories(directory, chosen.histories, all.faults);
    }
    verdict found = judge(all);
    for (const auto& each : leaks) {
        found.forbid(lock_left_behind, each);
    }
    for (const auto& each : failures) {
        found.forbid("a worker process that failed", each);
    }
    print_report(std::cout, chosen, all, found, faults.manners());
    if (chosen.control != control::none) {
        const bool seen = finds(chosen.control, found);
        std::cout << (seen ? "The control was found out.\n" : "The control was NOT found out.\n");
        return seen ? found_out : not_found_out;
    }
    std::cout << (found.forbidden.empty() ? "Nothing forbidden happened.\n" : "FORBIDDEN THINGS HAPPENED.\n");
    return interrupted != 0 ? interrupted_code : found.forbidden.empty() ? all_well : something_forbidden;
}

} // namespace
} // namespace pglocks::torture

int main(int argc, char** argv) {
    using namespace pglocks::torture;
    if (const auto code = pglocks::test::play_requested_role(argc, argv)) {
        return *code;
    }
    try {
        const auto chosen = parse_options(argc, argv);
        if (!chosen) {
            return all_well;
        }
        std::signal(SIGINT, on_interrupt);
        std::signal(SIGTERM, on_interrupt);
        return run(*chosen);
    } catch (const std::invalid_argument& error) {
        std::cerr << "torture: " << error.what() << " (see --help)\n";
        return usage;
    } catch (const std::exception& error) {
        std::cerr << "torture: " << error.what() << '\n';
        return unavailable;
    }
}
