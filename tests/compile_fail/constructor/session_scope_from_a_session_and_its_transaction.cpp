// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a session-scope lock takes no transaction: leave it out, or add scope::transaction
// NOTE: constructor_rule::takes_no_transaction

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql, soci::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(sql, tx, "x");
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, soci::transaction& tx) { const pglocks::advisory_lock lock(sql, tx, "x"); }
#endif
