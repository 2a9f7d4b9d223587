// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is released by its transaction: drop unlock(), or choose
// scope::session

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    pglocks::advisory_lock_set<> locks(sql, names);
    locks.unlock();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    pglocks::transaction tx(sql);
    pglocks::advisory_lock_set<pglocks::scope::transaction> locks(tx, names);
    locks.unlock();
}
#endif
