// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy never waits without a bound: use try_lock() or try_lock_for(), or
// choose wait::block or wait::poll<>
// NOTE: waits_unbounded
// MEANING: `lock()` waits for as long as it takes. `wait::none` never waits and `wait::timeout` only with a
// bound, so a lock with one of these has the operations that may come back without the lock.
// `std::lock_guard` calls `lock()`, too.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    lock.lock();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::try_advisory_lock lock(sql, "x", std::defer_lock);
    lock.lock();
}
#endif
