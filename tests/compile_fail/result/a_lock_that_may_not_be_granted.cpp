// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the lock may not have been granted: look at owns_lock()

#include <pglocks/pglocks.hpp>

void control(pglocks::transaction& tx) { pglocks::transaction_advisory_lock(tx, "x"); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) { pglocks::try_transaction_advisory_lock(tx, "x"); }
#endif
