// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is released by its transaction: drop unlock_shared(), or
// choose scope::session
// NOTE: released_by_owner

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::shared_advisory_lock lock(sql, "x");
    lock.unlock_shared();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    pglocks::shared_transaction_advisory_lock lock(tx, "x");
    lock.unlock_shared();
}
#endif
