// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the lock may not have been acquired: look at the result
// MEANING: `try_lock()`, and each call with a bound or a stop token, answers whether the lock is held now.
// Who does not look may go on without it.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    if (lock.try_lock()) {
        lock.unlock();
    }
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    lock.try_lock();
}
#endif
