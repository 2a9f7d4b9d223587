// SPDX-License-Identifier: BSL-1.0
// The code of docs/reference/errors.md.
#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <iostream>
#include <string>

namespace snippets {

using namespace std::chrono_literals;
void import(soci::session& sql);
void log(const std::string& line);

//! [catching]
bool import_once(soci::session& sql) {
    try {
        pglocks::advisory_lock lock(sql, "import");
        import(sql);
        return true;
    } catch (const pglocks::deadlock_detected& error) {
        log(error.what()); // others wait for what this session still holds: let go of it, then try again
    } catch (const pglocks::connection_lost& error) {
        log(error.what()); // the lock is gone, and what import() did not commit
        sql.reconnect();
    }
    return false;
}
//! [catching]

//! [parts]
void tell(const pglocks::lock_error& error) {
    std::cerr << error.what() << '\n';
    if (error.key()) {
        std::cerr << "select pid, granted, mode from pg_locks where locktype = 'advisory' and classid = "
                  << error.key()->classid() << " and objid = " << error.key()->objid()
                  << " and objsubid = " << error.key()->objsubid()
                  << " and database = (select oid from pg_database where datname = current_database());\n";
    }
}
//! [parts]

//! [handler]
void to_the_log(const pglocks::lock_error& error) noexcept {
    try {
        log(error.what());
    } catch (...) { // a handler must not throw
    }
}

void set_up() { pglocks::set_release_failure_handler(&to_the_log); }
//! [handler]

} // namespace snippets
