// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is lost with its transaction, whose commit then fails: drop
// lost(), or choose scope::session
// NOTE: released_by_owner
// MEANING: When the session of a transaction ends, its COMMIT fails and nothing of it is done: there is
// nothing to watch for. A session-scope lock, which protects work that COMMIT does not cover, has `lost()`.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::advisory_lock lock(sql, "x");
    static_cast<void>(lock.lost());
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(tx, "x");
    static_cast<void>(lock.lost());
}
#endif
