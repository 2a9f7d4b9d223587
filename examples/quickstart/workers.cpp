// SPDX-License-Identifier: BSL-1.0
#include "workers.hpp"

#include <pglocks/pglocks.hpp>

#include "../support/child.hpp"
#include "../support/pg_locks.hpp"
#include "report.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <chrono>
#include <csignal>
#include <stdexcept>

namespace workers {

namespace {

using example::say;
using example::wait_for_cue;
using namespace std::chrono_literals;

/// What every writer does when it has the lock.
void write_unless_written(soci::session& sql, const std::string& name) {
    // Whoever had the lock before may have done the work: look under the lock, or it is done twice.
    if (const auto author = report::author(sql)) {
        say("finds the report that " + *author + " wrote: nothing to do");
        return;
    }
    soci::transaction transaction(sql);
    report::write(sql, name, [](int) {});
    transaction.commit();
    say("finds no report, writes it and commits");
}

/// Waits for as long as it takes: the report must be written.
void waiting(soci::session& sql, const std::string& name) {
    say("asks: advisory_lock");
    pglocks::advisory_lock lock(sql, lock_name);
    say("holds the lock");
    write_unless_written(sql, name);
    say("releases the lock");
} // by the lock's destructor, after the commit: the next one sees the report

/// Does not wait: another one writes the report, and that is as good.
void trying(soci::session& sql, const std::string& name) {
    say("asks: try_advisory_lock");
    if (pglocks::try_advisory_lock lock(sql, lock_name); lock) {
        write_unless_written(sql, name);
    } else {
        say("skips this night");
    }
}

/// Waits, but not for long: there is other work to do.
void bounded(soci::session& sql, const std::string& name) {
    say("asks: timed_advisory_lock, at most 250 ms");
    if (pglocks::timed_advisory_lock lock(sql, lock_name, 250ms); lock) {
        write_unless_written(sql, name);
    } else {
        say("gives up");
    }
}

/// Reads what nobody writes meanwhile; other readers may read too.
void reading(soci::session& sql) {
    say("asks: shared_advisory_lock");
    pglocks::shared_advisory_lock lock(sql, lock_name);
    say("holds the lock, shared");
    wait_for_cue();
    const auto [lines, orders] = report::read(sql);
    say("reads " + std::to_string(lines) + " lines about " + std::to_string(orders) + " orders");
    wait_for_cue();
    say("releases the lock");
}

/// Gets the lock first, and does not live to write the second half.
void crashing(soci::session& sql, const std::string& name) {
    say("asks: advisory_lock");
    pglocks::advisory_lock lock(sql, lock_name);
    say("holds the lock");
    const int half = report::count_countries(sql) / 2;
    soci::transaction transaction(sql);
    report::write(sql, name, [&](int lines) {
        if (lines == half) {
            say("has written " + std::to_string(lines) + " lines, half of the report, not committed");
            wait_for_cue();
            say("crashes (SIGKILL)");
            std::raise(SIGKILL); // no destructor runs: the server sees the connection end, and does the rest
        }
    });
    transaction.commit();
}

} // namespace

void run(const std::string& name, const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    example::introduce(sql, name);
    if (name == "first") {
        crashing(sql, name);
    } else if (name == "second" || name == "third") {
        waiting(sql, name);
    } else if (name == "trier") {
        trying(sql, name);
    } else if (name == "hurried") {
        bounded(sql, name);
    } else if (name == "reader-1" || name == "reader-2") {
        reading(sql);
    } else {
        throw std::invalid_argument("there is no worker " + name);
    }
}

} // namespace workers
