// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy takes no bound: use lock() or try_lock(), or choose wait::timeout
// or wait::poll<>
// NOTE: waits_bounded

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <mutex>

void control(soci::session& sql) {
    pglocks::timed_advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_until(std::chrono::steady_clock::now()));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::try_advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_until(std::chrono::steady_clock::now()));
}
#endif
