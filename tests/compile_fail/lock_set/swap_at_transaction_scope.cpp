// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: transaction-scope locks belong to their transaction: drop swap(), or choose
// scope::session
// NOTE: owner_releases
// MEANING: Transaction-scope locks stay with the transaction that they were built from.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::advisory_lock_set<> locks(sql, {"x"});
    pglocks::advisory_lock_set<> others(sql, {"y"});
    locks.swap(others);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    pglocks::advisory_lock_set<pglocks::scope::transaction> locks(tx, {"x"});
    pglocks::advisory_lock_set<pglocks::scope::transaction> others(tx, {"y"});
    locks.swap(others);
}
#endif
