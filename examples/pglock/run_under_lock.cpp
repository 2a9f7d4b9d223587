// SPDX-License-Identifier: BSL-1.0
#include "run_under_lock.hpp"

#include <pglocks/inspect.hpp>
#include <pglocks/loss_watcher.hpp>
#include <pglocks/pglocks.hpp>

#include "command.hpp"
#include "connect.hpp"
#include "exit_status.hpp"
#include "report.hpp"
#include "signals.hpp"
#include "supervision.hpp"
#include "text.hpp"
#include "waiting.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <sys/wait.h>

namespace pglock {

namespace {

/// Waits in the server's queue, with a bound or without: as the command line says.
struct queued {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        return lock.acquire(until);
    }
};

template <class Mode>
using lock_of = pglocks::basic_advisory_lock<Mode, queued, pglocks::hash::none>;

/// A server that stands still for so long counts as lost: as long as the network may be silent.
constexpr pglocks::heartbeat beat{.every = std::chrono::milliseconds(1000), .within = preset.network_timeout};

void name_lock_in_environment(const options& given) {
    ::setenv("PGLOCK_KEY", key_text(*given.key).c_str(), 1);
    if (given.name.empty()) {
        ::unsetenv("PGLOCK_NAME"); // of a pglock around this one
    } else {
        ::setenv("PGLOCK_NAME", given.name.c_str(), 1);
    }
}

void report_holders(soci::session& session, const options& given, const std::string& what) {
    const auto holders = pglocks::holders(session, *given.key);
    report(what + ' ' + lock_text(given) + ", " +
           (holders.empty() ? "free by now" : "held by " + pglocks::describe_owner(holders.front())) +
           (holders.size() > 1 ? " and " + std::to_string(holders.size() - 1) + " more" : ""));
}

/// False if somebody else has the lock. Ends this process if a signal ends the wait.
template <class Lock>
[[nodiscard]] bool acquire(Lock& lock, soci::session& session, const options& given,
                           std::optional<signal_queue>& signals) {
    if (given.wait == seconds(0)) {
        const bool acquired = lock.try_lock();
        signals.emplace(command::get_groups());
        return acquired;
    }
    if (given.verbose) {
        if (lock.try_lock()) {
            signals.emplace(command::get_groups());
            return true;
        }
        report_holders(session, given, "waits for");
    }
    signals.emplace(command::get_groups());
    waiting beside(given, *signals);
    bool acquired = false;
    try {
        acquired = given.wait ? lock.try_lock_for(*given.wait, beside.token()) : lock.lock(beside.token());
    } catch (...) {
        if (const int signal = beside.end()) {
            session.close();
            die_of(signal);
        }
        throw;
    }
    if (const int signal = beside.end()) {
        session.close(); // with what was granted in the last moment
        die_of(signal);
    }
    return acquired;
}

/// The exit status of a command that has ended; of a signal this process ends as well.
[[nodiscard]] int pass_on_status(int wait_status, soci::session& session) {
    if (WIFSIGNALED(wait_status)) {
        session.close();
        die_of(WTERMSIG(wait_status));
    }
    return WEXITSTATUS(wait_status);
}

/// Whether the lock was held to the end.
template <class Lock>
[[nodiscard]] bool release(Lock& lock, const options& given) {
    bool held = lock.owns_lock();
    try {
        if (held) {
            lock.unlock();
            held = !lock.lost();
        }
    } catch (const pglocks::lock_error& error) {
        held = false;
        report(message_of(error, given));
    }
    return held;
}

template <class Mode>
[[nodiscard]] int run_with(const options& given) {
    using std::chrono::steady_clock;
    name_lock_in_environment(given); // while there is one thread
    const auto session = open_session(given);
    lock_of<Mode> lock(*session, *given.key, std::defer_lock);
    std::optional<signal_queue> signals;
    const auto asked = steady_clock::now();
    if (!acquire(lock, *session, given, signals)) {
        if (given.verbose) {
            report_holders(*session, given, "does not get");
        }
        return given.conflict_status;
    }
    if (given.verbose) {
        report("holds " + lock_text(given) + " after " + duration_text(steady_clock::now() - asked) +
               ", backend " + std::to_string(lock.backend_pid()));
    }
    pglocks::loss_watcher watcher;
    std::optional<pglocks::loss_watch> watch(watcher.watch(lock, beat));
    command child(given.command, signals->before());
    if (given.verbose) {
        report("runs " + given.command.front());
    }
    const bool was_ended = supervision(given, child, *signals, watch->token()).run();
    watch.reset(); // the session is this thread's again
    if (was_ended) {
        return exit_status::lost;
    }
    if (!release(lock, given) && given.end_on_loss) {
        report(lock_text(given) + " was lost before the command ended: it may not have been alone");
        return exit_status::lost;
    }
    return pass_on_status(child.wait_status(), *session);
}

} // namespace

int run_under_lock(const options& given) {
    return given.shared ? run_with<pglocks::mode::shared>(given) : run_with<pglocks::mode::exclusive>(given);
}

} // namespace pglock
