// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is built from its transaction: pass a pglocks::transaction,
// or a soci::session and its soci::transaction
// NOTE: constructor_rule::needs_a_transaction

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql, soci::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(sql, tx, "x");
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::transaction& tx) { const pglocks::transaction_advisory_lock lock(tx, "x"); }
#endif
