// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: the lock is released before the condition's body runs: give it a name
// NOTE: operator bool
// MEANING: The lock in this condition is a temporary: it is destroyed, and with it the lock released,
// before the first statement that it was to protect. Name it in the `if`, and it lives as long as the `if`.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

int control(soci::session& sql) {
    if (pglocks::try_advisory_lock lock(sql, "x"); lock) {
        return 1;
    }
    return 0;
}

#ifdef PGLOCKS_MUST_FAIL
int wrong(soci::session& sql) {
    if (pglocks::try_advisory_lock(sql, "x")) {
        return 1;
    }
    return 0;
}
#endif
