// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: more than one hash policy: keep one of hash::postgres<>,
// NOTE: at_most_one

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::interop::django_pglocks> lock(sql, 17);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::interop::django_pglocks, pglocks::hash::none> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
