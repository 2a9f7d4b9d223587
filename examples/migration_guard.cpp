// SPDX-License-Identifier: BSL-1.0
// Four instances of an application start at once: one brings the schema up to date, the others wait.
#include <pglocks/inspect.hpp>
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/interruption.hpp"
#include "support/scratch_schema.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct migration {
    int version;
    const char* statement;
};

// None of them could be run twice, or by two at a time.
const std::array<migration, 4> migrations{{
    {1, "create table pglocks_migration.customer (name text not null)"},
    {2, "insert into pglocks_migration.customer values ('Ada'), ('Blaise'), ('Carl')"},
    {3, "alter table pglocks_migration.customer add balance bigint not null default 100"},
    {4, "update pglocks_migration.customer set balance = balance * 2"},
}};

//! [migrate]
/// Brings the schema up to date; returns how many migrations were left to run.
int migrate(soci::session& sql) {
    // Of session scope, since each migration is a transaction of its own. The bound is longer than they take,
    // and short enough for somebody to notice.
    const pglocks::timed_advisory_lock lock(sql, "schema-migrations", 60s);
    pglocks::require_acquired(sql, lock, "schema-migrations"); // throws not_acquired: names who is in the way

    int version = 0; // read under the lock: whoever had it before has run some of them
    sql << "select coalesce(max(version), 0) from pglocks_migration.done", soci::into(version);
    int run = 0;
    for (const migration& next : migrations) {
        if (next.version > version) {
            soci::transaction transaction(sql);
            sql << next.statement;
            sql << "insert into pglocks_migration.done values (:version)", soci::use(next.version);
            transaction.commit();
            ++run;
        }
    }
    return run;
}
//! [migrate]

int start_instance(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    return migrate(sql);
}

void run(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    const example::scratch_schema schema(sql, "pglocks_migration");
    sql << "create table pglocks_migration.done (version integer not null)";

    std::vector<std::future<int>> instances;
    for (int i = 0; i < 4; ++i) {
        instances.push_back(std::async(std::launch::async, start_instance, connection));
    }
    int at_work = 0;
    for (std::future<int>& instance : instances) {
        const int run = instance.get();
        std::cout << "  an instance ran " << run << " migrations\n";
        at_work += run != 0 ? 1 : 0;
    }
    int done = 0;
    long long money = 0;
    sql << "select (select count(*) from pglocks_migration.done), (select sum(balance) from"
           " pglocks_migration.customer)",
        soci::into(done), soci::into(money);
    if (done != static_cast<int>(migrations.size()) || at_work != 1 || money != 600) {
        throw std::runtime_error("a migration has run twice, or not at all");
    }
    std::cout << done << " migrations ran, all of them by one of the instances.\n";
}

} // namespace

int main(int argc, char** argv) {
    try {
        example::catch_interruption();
        run(example::connection_string(argc, argv));
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
