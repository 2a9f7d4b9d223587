// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: more than one wait policy: keep one of wait::block,
// NOTE: at_most_one

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::wait::poll<>> locks(sql, names);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    pglocks::advisory_lock_set<pglocks::wait::block, pglocks::wait::poll<>> locks(sql, names);
    locks.lock();
    locks.unlock();
}
#endif
