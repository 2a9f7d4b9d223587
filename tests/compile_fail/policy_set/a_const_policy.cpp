// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a policy is given with const or volatile: write the plain type
// NOTE: cv_unqualified
// MEANING: A policy names a choice, and `const` or `volatile` chooses nothing. It comes as a rule from
// `decltype` of a constant: take `std::remove_cv_t` of that.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::mode::shared> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<const pglocks::mode::shared> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
