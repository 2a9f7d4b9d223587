// SPDX-License-Identifier: BSL-1.0
//! [report]
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <thread>

int main() {
    try {
        soci::session sql(soci::postgresql, ""); // PGHOST and the like say where
        const pglocks::try_advisory_lock lock(sql, "nightly-report");
        if (!lock.owns_lock()) {
            std::cout << "another one is writing the report\n";
            return 0;
        }
        std::cout << "writing the report" << std::endl;
        std::this_thread::sleep_for(std::chrono::seconds(3));
        std::cout << "done\n";
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}
//! [report]
