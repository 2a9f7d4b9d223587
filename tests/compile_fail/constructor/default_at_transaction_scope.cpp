// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a transaction-scope lock is built from its transaction: pass a pglocks::transaction,
// or a soci::session and its soci::transaction
// NOTE: owner_releases

#include <pglocks/pglocks.hpp>

void control() { const pglocks::advisory_lock lock; }

#ifdef PGLOCKS_MUST_FAIL
void wrong() { const pglocks::transaction_advisory_lock lock; }
#endif
