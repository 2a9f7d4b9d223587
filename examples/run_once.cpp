// SPDX-License-Identifier: BSL-1.0
// A cron job on five hosts: one of them runs it, and once a night, however much their clocks differ.
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/child.hpp"
#include "support/interruption.hpp"
#include "support/scratch_schema.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <list>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

void write_report(soci::session& sql, const std::string& night) {
    sql << "insert into pglocks_run_once.report select :night, count(*), sum(amount) from "
           "pglocks_run_once.sale",
        soci::use(night);
}

//! [run once]
std::string_view run_once(soci::session& sql, const std::string& night) {
    const pglocks::try_advisory_lock lock(sql, "nightly-report");
    if (!lock.owns_lock()) {
        return "another host is at it";
    }
    // The lock says that nobody is at it now. That nobody was before, a clock ago, only the database knows.
    int runs = 0;
    sql << "select count(*) from pglocks_run_once.run where job = 'nightly-report' and night = :night",
        soci::use(night), soci::into(runs);
    if (runs != 0) {
        return "another host has done it";
    }
    soci::transaction transaction(sql);
    write_report(sql, night);
    sql << "insert into pglocks_run_once.run values ('nightly-report', :night)", soci::use(night);
    transaction.commit();
    return "has written the report";
} // the lock is released here, or by the server if the host dies
//! [run once]

/// What cron starts on each host.
void host(const std::string& night, const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    example::say("connected");
    example::wait_for_cue(); // the minute in the crontab
    example::say(run_once(sql, night));
}

void create_tables(soci::session& sql) {
    sql << "create table pglocks_run_once.sale as select i as number, i * 7 % 100 as amount"
           " from generate_series(1, 10000) i";
    // Nothing is unique: only the lock keeps a second report out.
    sql << "create table pglocks_run_once.report (night text, sales bigint, amount bigint)";
    sql << "create table pglocks_run_once.run (job text, night text)";
}

/// Prints what the hosts say; returns how many wrote the report.
int hear(std::list<example::child>& hosts, std::map<std::string, int>& said) {
    for (example::child& host : hosts) {
        const std::string text = host.listen().text;
        std::cout << "  " << host.name() << ' ' << text << '\n';
        ++said[text];
        if (host.wait() != EXIT_SUCCESS) {
            throw std::runtime_error(host.name() + " has failed");
        }
    }
    return said["has written the report"];
}

void run(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    const example::scratch_schema schema(sql, "pglocks_run_once");
    create_tables(sql);
    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    const auto start = [&](std::list<example::child>& hosts, int number) {
        hosts.emplace_back("host " + std::to_string(number),
                           std::vector<std::string>{program, "host", "2026-03-29"});
        static_cast<void>(hosts.back().listen()); // connected
    };

    std::list<example::child> punctual;
    for (int number = 1; number <= 4; ++number) {
        start(punctual, number);
    }
    std::list<example::child> late; // its clock is: it comes when the others are through
    start(late, 5);
    for (example::child& host : punctual) {
        host.tell("3:00");
    }
    std::map<std::string, int> said;
    const int on_time = hear(punctual, said);
    late.front().tell("3:00");
    hear(late, said);

    int reports = 0;
    sql << "select count(*) from pglocks_run_once.report", soci::into(reports);
    std::cout << "The night's reports: " << reports << ".\n";
    if (reports != 1 || on_time != 1 || said["has written the report"] != 1) {
        throw std::runtime_error("one report was to be written");
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 3 && argv[1] == std::string("host")) {
            host(argv[2], example::connection_string(1, argv));
        } else {
            const std::string connection = example::connection_string(argc, argv);
            ::setenv("DATABASE_URL", connection.c_str(), 1); // for the hosts: an argument would show in ps
            example::catch_interruption();
            run(connection);
        }
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
