// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a policy is given with const or volatile: write the plain type
// NOTE: cv_unqualified

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::wait::none> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<volatile pglocks::wait::none> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
