// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the lock may not have been acquired: look at the result

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x", std::defer_lock);
    if (lock.try_lock_shared()) {
        lock.unlock_shared();
    }
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x", std::defer_lock);
    lock.try_lock_shared();
}
#endif
