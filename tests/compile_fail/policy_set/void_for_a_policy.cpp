// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: every argument must be a policy: give it a member type `axis` (one of pglocks::axis),
// or specialise pglocks::policy_traits for it
// NOTE: on_an_axis

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::mode::shared> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::mode::shared, void> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
