// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: release() leaves the lock with the session: keep its key, or call unlock()
// MEANING: After `release()` the session still holds the lock, and nobody owns it: only its key is left to
// unlock it with, by `adopt_lock` or SQL. What was meant is as a rule `unlock()`.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    static_cast<void>(lock.release());
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    lock.release();
}
#endif
