// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock has no release of its own: drop pending(), or choose
// scope::session
// NOTE: released_by_owner
// MEANING: `pending()` tells whether a release waits for the end of a transaction. A transaction-scope lock
// ends with it in any case.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::advisory_lock lock(sql, "x");
    static_cast<void>(lock.pending());
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(tx, "x");
    static_cast<void>(lock.pending());
}
#endif
