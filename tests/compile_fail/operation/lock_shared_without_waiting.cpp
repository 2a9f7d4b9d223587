// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy never waits without a bound: use try_lock_shared() or
// try_lock_shared_for(), or choose wait::block or wait::poll<>
// NOTE: waits_unbounded
// MEANING: `lock_shared()` waits for as long as it takes. `wait::none` never waits and `wait::timeout` only
// with a bound, so a lock with one of these has the operations that may come back without the lock.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x", std::defer_lock);
    lock.lock_shared();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::try_shared_advisory_lock lock(sql, "x", std::defer_lock);
    lock.lock_shared();
}
#endif
