// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: every argument must be a policy: give it a member type `axis` (one of pglocks::axis),
// or specialise pglocks::policy_traits for it
// NOTE: on_an_axis
// MEANING: Each argument of `basic_advisory_lock` is a class on one of the axes, found by its member type
// `axis` (or by `policy_traits`, for a class that you cannot change). Values, names and keys are arguments
// of the constructor.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::mode::shared> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::mode::shared, int> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
