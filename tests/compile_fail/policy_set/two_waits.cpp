// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: more than one wait policy: keep one of wait::block, wait::none, wait::timeout,
// wait::poll<>
// NOTE: at_most_one
// MEANING: A lock waits in one way. For a way of your own that combines several, [write a wait
// strategy](../how-to/write_a_wait_strategy.md).

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::wait::poll<>> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::wait::block, pglocks::wait::poll<>> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
