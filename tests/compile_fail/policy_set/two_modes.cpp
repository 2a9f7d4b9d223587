// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: more than one mode policy: keep one of mode::exclusive, mode::shared
// NOTE: at_most_one
// MEANING: A lock is either exclusive or shared, also when the same mode is given twice, or in an alias and
// beside it.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::mode::shared, pglocks::wait::poll<>> lock(sql, 17);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::mode::shared, pglocks::wait::poll<>, pglocks::mode::exclusive> lock(
        sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
