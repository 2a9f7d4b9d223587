// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this lock is exclusive: use lock(), or choose mode::shared
// NOTE: is_shared
// MEANING: The mode is part of the type: an exclusive lock has no `lock_shared()`, which would silently
// exclude the other readers. `shared_advisory_lock` has it, and `std::shared_lock` takes that.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x", std::defer_lock);
    lock.lock_shared();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x", std::defer_lock);
    lock.lock_shared();
}
#endif
