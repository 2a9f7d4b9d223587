// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy takes no bound: use lock_shared() or try_lock_shared(), or choose
// wait::timeout or wait::poll<>
// NOTE: waits_bounded
// MEANING: As for `try_lock_for()`: `wait::block` cannot end a wait, and `wait::none` does not wait.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <mutex>

void control(soci::session& sql) {
    pglocks::timed_shared_advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_shared_for(std::chrono::seconds(1)));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_shared_for(std::chrono::seconds(1)));
}
#endif
