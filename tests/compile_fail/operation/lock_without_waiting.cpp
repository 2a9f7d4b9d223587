// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy never waits without a bound: use try_lock() or try_lock_for(), or
// choose wait::block or wait::poll<>
// NOTE: waits_unbounded

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
