// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock belongs to its transaction: drop swap(), or choose
// scope::session
// NOTE: owner_releases
// MEANING: A transaction-scope lock stays with the transaction that it was built from.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    pglocks::advisory_lock other(sql, "y");
    lock.swap(other);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    pglocks::transaction_advisory_lock lock(tx, "x");
    pglocks::transaction_advisory_lock other(tx, "y");
    lock.swap(other);
}
#endif
