// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: more than one scope policy: keep one of scope::session, scope::transaction
// NOTE: at_most_one
// MEANING: A lock ends with its session or with its transaction. Session scope is the default, and need not
// be given.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::scope::session, pglocks::mode::shared> lock(sql, 17);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::scope::session, pglocks::mode::shared, pglocks::scope::transaction>
        lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
