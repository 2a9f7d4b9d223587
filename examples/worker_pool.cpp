// SPDX-License-Identifier: BSL-1.0
// A web service's threads share a pool of connections, and a lock leases one for as long as it is needed.
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/interruption.hpp"
#include "support/pg_locks.hpp"
#include "support/scratch_schema.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t connections = 4;
constexpr int threads = 8;
constexpr int customers = 5;
constexpr int requests = 200; // by all threads together

void add_to_balance(soci::session& sql, int customer, int amount) {
    int balance = 0;
    sql << "select balance from pglocks_pool.account where customer = :customer", soci::use(customer),
        soci::into(balance);
    balance += amount; // without the lock, what another thread writes now would be lost
    sql << "update pglocks_pool.account set balance = :balance where customer = :customer",
        soci::use(balance, "balance"), soci::use(customer, "customer");
}

//! [pool]
std::string name_of(int customer) { return "customer " + std::to_string(customer); }

/// Handles a request; false if the customer's other requests, or the pool, kept it waiting too long.
bool handle(soci::connection_pool& pool, int customer, int amount) {
    // One bound for both waits: for a connection of the pool, and for the lock.
    const pglocks::timed_advisory_lock lock(pool, name_of(customer), 10s);
    if (!lock.owns_lock()) {
        return false; // the connection is back in the pool
    }
    add_to_balance(*lock.session(), customer, amount); // the work goes through the lock's own connection
    return true;
} // released, and the connection given back without an open transaction
//! [pool]

void run(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    const example::scratch_schema schema(sql, "pglocks_pool");
    const int last = customers - 1;
    sql << "create table pglocks_pool.account as select i as customer, 0 as balance"
           " from generate_series(0, :last) i",
        soci::use(last);

    soci::connection_pool pool(connections);
    for (std::size_t i = 0; i < connections; ++i) {
        pool.at(i).open(soci::postgresql, connection);
    }
    std::atomic<int> next = 0;
    std::atomic<int> refused = 0;
    std::atomic<bool> failed = false;
    {
        std::vector<std::jthread> running;
        for (int i = 0; i < threads; ++i) {
            running.emplace_back([&] {
                try {
                    for (int request = next++; request < requests; request = next++) {
                        example::stop_if_interrupted();
                        refused += handle(pool, request % customers, 1) ? 0 : 1;
                    }
                } catch (const std::exception& error) {
                    std::cerr << error.what() << '\n';
                    failed = true;
                }
            });
        }
    }
    int sum = 0;
    sql << "select sum(balance) from pglocks_pool.account", soci::into(sum);
    std::size_t locks = 0;
    for (int customer = 0; customer < customers; ++customer) {
        locks += example::pg_locks(sql, pglocks::key_of(name_of(customer))).size();
    }
    if (failed || sum == 0 || sum + refused != requests || locks != 0) {
        throw std::runtime_error("an update or a lock was lost");
    }
    std::cout << threads << " threads have handled " << sum << " requests of " << customers
              << " customers over " << connections << " connections; " << refused
              << " were refused, no update was lost.\n";
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
