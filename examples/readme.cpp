// SPDX-License-Identifier: BSL-1.0
// The code of the README, running.
#include "connection.hpp"

#include <soci/soci.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

namespace {

void run_report(soci::session& sql) { sql << "insert into report values (now())"; }

void write_invoice(soci::session& sql, int customer) {
    sql << "insert into invoice values (:customer)", soci::use(customer);
}

} // namespace

// NOLINTBEGIN(misc-use-internal-linkage): the README shows a function as it stands in a program
//! [readme]
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>

using namespace std::chrono_literals;
using invoice_lock =
    pglocks::basic_advisory_lock<pglocks::scope::transaction, pglocks::interop::django_pglocks>;

void nightly(soci::session& sql) { // opened by soci::session sql(soci::postgresql, "dbname=shop")
    {
        pglocks::advisory_lock lock(sql, "nightly-report"); // waits in PostgreSQL's queue; throws on deadlock
        run_report(sql);
    } // released here, also when run_report() throws

    if (pglocks::try_advisory_lock lock(sql, "nightly-report"); lock) { // does not wait
        run_report(sql);
    }
    if (pglocks::timed_advisory_lock lock(sql, "nightly-report", 250ms); lock) { // does not wait long
        run_report(sql);
    }

    pglocks::transaction transaction(sql);         // a soci::transaction that knows its session
    invoice_lock guard(transaction, "invoice:17"); // keeps out Django's advisory_lock("invoice:17"), too
    write_invoice(sql, 17);
    transaction.commit(); // and the lock ends with it: it has no unlock()
}
//! [readme]

//! [own policy]
/// Tenants never meet. In SQL: pg_advisory_lock(tenant, hashtext(name)).
class tenant {
public:
    using axis = pglocks::axis::hash;

    explicit tenant(std::int32_t id) noexcept : id_(id) {}

    [[nodiscard]] pglocks::lock_key key_of(std::string_view name) const noexcept {
        return {id_, static_cast<std::int32_t>(pglocks::hash::postgres_hashtext::key_of(name))};
    }

private:
    std::int32_t id_;
};

void count_stock(soci::session& sql) {
    pglocks::basic_advisory_lock<tenant> lock(sql, "stock", tenant(7)); // keeps out tenant 7, nobody else
    run_report(sql);
}
//! [own policy]
// NOLINTEND(misc-use-internal-linkage)

int main(int argc, char** argv) {
    try {
        soci::session sql(soci::postgresql, example::connection_string(argc, argv));
        sql << "create temporary table report (made timestamp with time zone)";
        sql << "create temporary table invoice (customer integer)";
        nightly(sql);
        count_stock(sql);

        int reports = 0;
        int invoices = 0;
        int locks = 0;
        sql << "select (select count(*) from report), (select count(*) from invoice), count(*) from pg_locks"
               " where locktype = 'advisory' and pid = pg_backend_pid()",
            soci::into(reports), soci::into(invoices), soci::into(locks);
        std::cout << reports << " reports and " << invoices << " invoice were written under a lock; " << locks
                  << " locks are left.\n";
        return reports == 4 && invoices == 1 && locks == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
