// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this lock is exclusive: use try_lock(), or choose mode::shared
// NOTE: is_shared
// MEANING: The mode is part of the type: an exclusive lock has no operations for readers.
// `shared_advisory_lock` has this one.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_shared());
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    static_cast<void>(lock.try_lock_shared());
}
#endif
