// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: more than one hash policy: keep one of hash::postgres<>,
// NOTE: at_most_one

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::hash::postgres<1>> lock(sql, 17);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::hash::postgres<1>, pglocks::hash::postgres<2>> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
