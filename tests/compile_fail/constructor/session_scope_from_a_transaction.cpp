// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a session-scope lock takes no transaction: leave it out, or add scope::transaction
// NOTE: constructor_rule::takes_no_transaction
// MEANING: A session-scope lock outlives the transaction, so passing one would promise what does not hold.
// Pass the session alone; or choose `scope::transaction` (`transaction_advisory_lock`), if the lock is to
// end with it.

#include <pglocks/pglocks.hpp>

void control(pglocks::transaction& tx) { const pglocks::transaction_advisory_lock lock(tx, "x"); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) { const pglocks::advisory_lock lock(tx, "x"); }
#endif
