// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy takes no bound: use lock() or try_lock(), or choose wait::timeout
// or wait::poll<>
// NOTE: waits_bounded
// MEANING: `wait::block` cannot end a wait, and `wait::none` does not wait. `wait::timeout`
// (`timed_advisory_lock`) ends it in the server's queue, `wait::poll<>` (`polled_advisory_lock`) on this
// side.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <mutex>

void control(soci::session& sql) {
    pglocks::timed_advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_for(std::chrono::seconds(1)));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_for(std::chrono::seconds(1)));
}
#endif
