// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this lock is exclusive: use try_lock_for(), or choose mode::shared
// NOTE: is_shared
// MEANING: The mode is part of the type: an exclusive lock has no operations for readers.
// `timed_shared_advisory_lock` has this one.

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
    pglocks::timed_advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_shared_for(std::chrono::seconds(1)));
}
#endif
