// SPDX-License-Identifier: BSL-1.0
// Processes that all want to write the same night's report: one waits, one does not, one crashes half-way.
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "quickstart/report.hpp"
#include "quickstart/workers.hpp"
#include "support/child.hpp"
#include "support/interruption.hpp"
#include "support/pg_locks.hpp"
#include "support/scratch_schema.hpp"
#include "support/timeline.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>

namespace {

using example::child;
using example::held;
using example::holders;
using example::waited;

constexpr pglocks::lock_key key = pglocks::key_of<>(workers::lock_name);

void require(bool as_told, const std::string& otherwise) {
    if (!as_told) {
        throw std::runtime_error(otherwise);
    }
}

/// Each step waits for the one before, so that the story is the same each time; only its times differ.
void tell_story(soci::session& sql) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    const auto start = [&](const std::string& name) {
        return child(name, {program, "worker", name}); // a process of its own, with a connection of its own
    };
    const example::timeline story;
    const auto waits = [&](const child& who) {
        const std::string for_whom = example::see_waiting(sql, key, who.name());
        story.add(example::clock::now(), who.name(), for_whom);
    };

    child first = start("first");
    story.hear(first, "asks: advisory_lock");
    const auto first_holds = story.hear(first, "holds the lock");
    story.hear(first, "has written 3 lines, half of the report, not committed");

    child second = start("second");
    const auto second_asks = story.hear(second, "asks: advisory_lock");
    waits(second);

    child third = start("third");
    const auto third_asks = story.hear(third, "asks: advisory_lock");
    waits(third);

    child trier = start("trier");
    story.hear(trier, "asks: try_advisory_lock");
    story.hear(trier, "skips this night", [&](auto) { return ": " + holders(sql, key) + " holds the lock"; });

    child hurried = start("hurried");
    const auto hurried_asks = story.hear(hurried, "asks: timed_advisory_lock, at most 250 ms");
    story.hear(hurried, "gives up", [&](auto at) {
        return waited(hurried_asks)(at) + ": " + holders(sql, key) + " holds the lock";
    });

    child reader_1 = start("reader-1");
    const auto reader_1_asks = story.hear(reader_1, "asks: shared_advisory_lock");
    waits(reader_1);

    first.tell("go on");
    story.hear(first, "crashes (SIGKILL)", held(first_holds));
    const int end = first.wait();
    require(WIFSIGNALED(end) && WTERMSIG(end) == SIGKILL, "first was to be killed while it held the lock");

    const auto second_holds = story.hear(second, "holds the lock", waited(second_asks));
    story.hear(second, "finds no report, writes it and commits");
    story.hear(second, "releases the lock", held(second_holds));

    const auto third_holds = story.hear(third, "holds the lock", waited(third_asks));
    story.hear(third, "finds the report that second wrote: nothing to do");
    story.hear(third, "releases the lock", held(third_holds));

    const auto reader_1_holds = story.hear(reader_1, "holds the lock, shared", waited(reader_1_asks));
    child reader_2 = start("reader-2");
    story.hear(reader_2, "asks: shared_advisory_lock");
    const auto reader_2_holds = story.hear(reader_2, "holds the lock, shared",
                                           [&](auto) { return ": held by " + holders(sql, key); });
    for (child* reader : {&reader_1, &reader_2}) {
        reader->tell("go on");
        story.hear(*reader, "reads 6 lines about 480 orders");
    }
    reader_1.tell("go on");
    story.hear(reader_1, "releases the lock", held(reader_1_holds));
    reader_2.tell("go on");
    story.hear(reader_2, "releases the lock", held(reader_2_holds));

    for (child* worker : {&second, &third, &trier, &hurried, &reader_1, &reader_2}) {
        require(worker->wait() == EXIT_SUCCESS, worker->name() + " was to end without an error");
    }
}

void run(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    const example::scratch_schema schema(sql, report::schema);
    report::create_tables(sql);

    std::cout << report::count_orders(sql) << " orders of one day. Seven processes lock \""
              << workers::lock_name << "\" to write the night's report, or to read it.\n\n";
    tell_story(sql);

    const std::string author = report::author(sql).value_or("nobody");
    require(author == "second" && report::count_authors(sql) == 1, "one report was to be written, by second");
    require(report::count_differences(sql) == 0, "the report was to agree with the orders");
    std::cout << "\nThe one report, written by " << author << ", checked against the orders:\n";
    report::print(sql);

    for (const example::lock_row& row : example::pg_locks(sql, key)) {
        require(false, "pg_locks still shows " + row.who + " under " + to_string(key));
    }
    std::cout << "\npg_locks, " << key << ": no rows. Nothing is left.\n";
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 3 && argv[1] == std::string("worker")) {
            workers::run(argv[2], example::connection_string(1, argv));
        } else {
            const std::string connection = example::connection_string(argc, argv);
            ::setenv("DATABASE_URL", connection.c_str(), 1); // for the workers: an argument would show in ps
            example::catch_interruption();
            run(connection);
        }
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
