// SPDX-License-Identifier: BSL-1.0
// Requests that number each customer's invoices without a gap and move the money, many at a time.
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/interruption.hpp"
#include "support/scratch_schema.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <array>
#include <cstdlib>
#include <future>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int workers = 4;
constexpr int requests_per_customer = 60;      // by each worker
constexpr long long opening_balance = 2000'00; // cents
const std::array<std::string, 3> customers{"Ada", "Blaise", "Carl"};

//! [charge]
/// Charges a customer and writes the invoice, in one transaction; false for want of money.
bool charge(soci::session& sql, const std::string& customer, long long amount) {
    pglocks::transaction transaction(sql);
    // One request at a time for this customer; the others' go on. The lock ends with the transaction, so that
    // the next request sees what this one has committed (in READ COMMITTED, which is PostgreSQL's default).
    const pglocks::transaction_advisory_lock lock(transaction, "invoices of " + customer);

    // No sequence: it leaves a gap where a transaction is rolled back.
    int number = 0;
    sql << "select coalesce(max(number), 0) + 1 from pglocks_invoices.invoice where customer = :customer",
        soci::use(customer), soci::into(number);
    sql << "insert into pglocks_invoices.invoice values (:customer, :number, :amount)",
        soci::use(customer, "customer"), soci::use(number, "number"), soci::use(amount, "amount");

    long long balance = 0;
    sql << "select balance from pglocks_invoices.account where owner = :customer", soci::use(customer),
        soci::into(balance);
    if (balance < amount) {
        return false; // rolls back, invoice and all
    }
    balance -= amount; // read, computed here and written back: another request in between would be lost
    sql << "update pglocks_invoices.account set balance = :balance where owner = :customer",
        soci::use(balance, "balance"), soci::use(customer, "customer");
    sql << "update pglocks_invoices.account set balance = balance + :amount where owner = 'shop'",
        soci::use(amount);
    transaction.commit();
    return true;
}
//! [charge]

/// Sends requests of all customers in turn, on a session of its own; returns how many were refused.
int work(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    int refused = 0;
    for (int i = 0; i < requests_per_customer; ++i) {
        example::stop_if_interrupted();
        long long amount = 10'00;
        for (const std::string& customer : customers) {
            refused += charge(sql, customer, amount) ? 0 : 1;
            amount += 2'50;
        }
    }
    int locks = 0;
    sql << "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        soci::into(locks);
    if (locks != 0) {
        throw std::runtime_error("a lock has outlived its transaction");
    }
    return refused;
}

void create_tables(soci::session& sql) {
    sql << "create table pglocks_invoices.account (owner text primary key, balance bigint not null)";
    // No unique constraint and no foreign key: only the lock keeps the numbers apart.
    sql << "create table pglocks_invoices.invoice (customer text not null, number integer not null,"
           " amount bigint not null)";
    sql << "insert into pglocks_invoices.account values ('shop', 0)";
    for (const std::string& customer : customers) {
        sql << "insert into pglocks_invoices.account values (:customer, :balance)",
            soci::use(customer, "customer"), soci::use(opening_balance, "balance");
    }
}

/// Prints each customer's invoices; returns how many things are not as they must be.
int audit(soci::session& sql, int charged) {
    std::cout << "  customer  invoices  numbered    charged       left\n";
    const soci::rowset<soci::row> found =
        (sql.prepare
             << "select owner, count(*)::integer, min(number) || ' to ' || max(number),"
                " (sum(amount) / 100.0)::numeric(12, 2)::text, (balance / 100.0)::numeric(12, 2)::text,"
                " (min(number) <> 1 or max(number) <> count(*)"
                " or count(distinct number) <> count(*))::integer,"
                " (balance + sum(amount) <> :opening)::integer"
                " from pglocks_invoices.account join pglocks_invoices.invoice on customer = owner"
                " group by owner, balance order by owner",
         soci::use(opening_balance));
    int wrong = 0;
    int invoices = 0;
    for (const soci::row& line : found) {
        std::cout << "  " << std::left << std::setw(8) << line.get<std::string>(0) << std::right
                  << std::setw(10) << line.get<int>(1) << std::setw(10) << line.get<std::string>(2)
                  << std::setw(11) << line.get<std::string>(3) << std::setw(11) << line.get<std::string>(4)
                  << (line.get<int>(5) != 0 ? "  a gap, or a number twice" : "")
                  << (line.get<int>(6) != 0 ? "  charged and left do not add up" : "") << '\n';
        wrong += line.get<int>(5) + line.get<int>(6);
        invoices += line.get<int>(1);
    }
    long long money = 0;
    sql << "select sum(balance) from pglocks_invoices.account", soci::into(money);
    const bool kept = money == opening_balance * static_cast<long long>(customers.size());
    std::cout << "All accounts together have " << money / 100 << ".00, "
              << (kept ? "as before" : "which is not what they had") << ".\n";
    return wrong + (kept ? 0 : 1) + (invoices == charged ? 0 : 1);
}

} // namespace

int main(int argc, char** argv) {
    try {
        const std::string connection = example::connection_string(argc, argv);
        soci::session sql(soci::postgresql, connection);
        example::catch_interruption();
        const example::scratch_schema schema(sql, "pglocks_invoices");
        create_tables(sql);

        std::vector<std::future<int>> running;
        for (int i = 0; i < workers; ++i) {
            running.push_back(std::async(std::launch::async, work, connection));
        }
        int refused = 0;
        for (std::future<int>& worker : running) {
            refused += worker.get();
        }
        std::cout << workers << " sessions sent " << workers * requests_per_customer
                  << " requests for each customer; " << refused << " were rolled back for want of money.\n";
        const int requests = workers * requests_per_customer * static_cast<int>(customers.size());
        return audit(sql, requests - refused) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
