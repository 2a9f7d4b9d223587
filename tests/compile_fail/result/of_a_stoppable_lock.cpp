// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the lock may not have been acquired: look at the result

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>
#include <stop_token>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    if (lock.lock(std::stop_token())) {
        lock.unlock();
    }
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    lock.lock(std::stop_token());
}
#endif
