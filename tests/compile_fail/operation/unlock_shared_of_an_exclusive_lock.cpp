// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this lock is exclusive: use unlock(), or choose mode::shared
// NOTE: is_shared
// MEANING: The mode is part of the type: an exclusive lock is released by `unlock()`. `std::shared_lock`
// calls `unlock_shared()`, and takes shared locks alone.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x");
    lock.unlock_shared();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    lock.unlock_shared();
}
#endif
