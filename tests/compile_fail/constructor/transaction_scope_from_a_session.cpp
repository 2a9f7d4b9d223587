// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is built from its transaction: pass a pglocks::transaction,
// or a soci::session and its soci::transaction
// NOTE: constructor_rule::needs_a_transaction
// MEANING: A transaction-scope lock is part of one transaction from its first moment, and cannot be moved,
// so an empty one could never become a lock. `pglocks::transaction` is a `soci::transaction` that knows its
// session; in existing code both are passed. A `soci::transaction` alone does not tell its session, and a
// pool has none.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(pglocks::transaction& tx) { const pglocks::transaction_advisory_lock lock(tx, "x"); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::transaction_advisory_lock lock(sql, "x"); }
#endif
