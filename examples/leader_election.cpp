// SPDX-License-Identifier: BSL-1.0
// Two candidates, one leader: who loses the lock steps down, and a number keeps late writes out.
#include <pglocks/loss_watcher.hpp>
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/child.hpp"
#include "support/interruption.hpp"
#include "support/pg_locks.hpp"
#include "support/scratch_schema.hpp"
#include "support/timeline.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using example::say;

//! [fence]
/// A number that grows with each leader. Taken under the lock.
int next_token(soci::session& sql) {
    int token = 0;
    sql << "select nextval('pglocks_leader.token')", soci::into(token);
    return token;
}

/// A piece of what a leader does. For some milliseconds after the loss, until it knows, two may think that
/// they lead: what comes from one whose token is older than another's that was seen has no effect.
void schedule_a_job(soci::session& sql, const std::string& name, int token) {
    sql << "with fence as (update pglocks_leader.fence set newest = :token where newest <= :token returning "
           "newest)"
           " insert into pglocks_leader.job (scheduled_by) select :name from fence",
        soci::use(token, "token"), soci::use(name, "name");
    std::this_thread::sleep_for(5ms);
}
//! [fence]

//! [leader]
/// Leads whenever it can, until it is to resign.
void stand_for_election(const std::string& conninfo, const std::string& name, const std::stop_token& resign) {
    pglocks::loss_watcher watcher;
    soci::session work(soci::postgresql, conninfo); // the lock's session is lent to the watcher
    while (!resign.stop_requested()) {
        try {
            soci::session sql(soci::postgresql,
                              pglocks::session_preset{}.conninfo(conninfo)); // TCP's patience
            example::introduce(sql, name);
            pglocks::advisory_lock lock(sql, "leader", std::defer_lock);
            if (!lock.lock(resign)) { // waits in the server's queue, behind the leader
                return;
            }
            const int token = next_token(sql);
            const pglocks::loss_watch watch =
                watcher.watch(lock, {.every = 100ms, .within = 500ms}); // asks the server all the time
            say("leads");
            do {
                schedule_a_job(work, name, token); // small pieces of work: it stops soon
            } while (!watch.token().stop_requested() && !resign.stop_requested());
            say(watch.token().stop_requested() ? "steps down: the lock is lost" : "resigns");
        } catch (const pglocks::connection_lost&) { // while it waited: stands again
        }
    }
}
//! [leader]

void run_candidate(const std::string& name, const std::string& conninfo) {
    std::stop_source resign;
    const std::jthread told([&] {
        example::wait_for_cue();
        resign.request_stop();
    });
    stand_for_election(conninfo, name, resign.get_token());
}

void run(const std::string& conninfo) {
    soci::session sql(soci::postgresql, conninfo);
    const example::scratch_schema schema(sql, "pglocks_leader");
    sql << "create sequence pglocks_leader.token";
    sql << "create table pglocks_leader.fence as select 0 as newest";
    sql << "create table pglocks_leader.job (number serial, scheduled_by text not null)";
    constexpr pglocks::lock_key key = pglocks::key_of("leader");
    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    const example::timeline story;
    const auto see_waiting = [&](const std::string& who) {
        story.add(example::clock::now(), who, example::see_waiting(sql, key, who));
    };

    example::child alpha("alpha", {program, "candidate", "alpha"});
    story.hear(alpha, "leads");
    example::child beta("beta", {program, "candidate", "beta"});
    see_waiting("beta");

    story.add(example::clock::now(), "admin", "ends the session of alpha");
    sql << "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'alpha'";
    story.hear(alpha, "steps down: the lock is lost");
    story.hear(beta, "leads"); // perhaps a moment before
    see_waiting("alpha");

    beta.tell("resign");
    story.hear(beta, "resigns");
    story.hear(alpha, "leads");
    alpha.tell("resign");
    story.hear(alpha, "resigns");
    if (alpha.wait() != EXIT_SUCCESS || beta.wait() != EXIT_SUCCESS) {
        throw std::runtime_error("a candidate has failed");
    }

    schedule_a_job(sql, "nobody", 1); // as a leader of before that has not noticed: it has no effect
    // Each term of office is a run of rows by one of them. A loss may come before the first term's first row.
    int terms = 0;
    sql << "select count(*) from (select scheduled_by, lag(scheduled_by) over (order by number) as before"
           " from pglocks_leader.job) as jobs where before is distinct from scheduled_by",
        soci::into(terms);
    std::cout << "Jobs were scheduled in " << terms << " terms of office.\n";
    if (terms < 2 || terms > 3) {
        throw std::runtime_error("the jobs of two leaders are mixed");
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 3 && argv[1] == std::string("candidate")) {
            run_candidate(argv[2], example::connection_string(1, argv));
        } else {
            const std::string conninfo = example::connection_string(argc, argv);
            ::setenv("DATABASE_URL", conninfo.c_str(), 1); // for the candidates: an argument would show in ps
            example::catch_interruption();
            run(conninfo);
        }
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
