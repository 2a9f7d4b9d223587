// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is released by its transaction: drop release(), or choose
// scope::session
// NOTE: released_by_owner
// MEANING: `release()` leaves a lock to whoever will unlock it later. PostgreSQL has no function to unlock
// a transaction-scope lock: it is held until COMMIT or ROLLBACK, whatever becomes of the object.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    static_cast<void>(lock.release());
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    pglocks::transaction_advisory_lock lock(tx, "x");
    static_cast<void>(lock.release());
}
#endif
