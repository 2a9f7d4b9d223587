// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is released by its transaction: drop unlock(), or choose
// scope::session
// NOTE: released_by_owner
// MEANING: PostgreSQL has no function to unlock a transaction-scope lock: it is held until COMMIT or
// ROLLBACK. To release earlier, choose session scope. `std::lock_guard` and `std::unique_lock` call
// `unlock()`, too; a transaction-scope lock needs no guard.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    lock.unlock();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    pglocks::transaction_advisory_lock lock(tx, "x");
    lock.unlock();
}
#endif
