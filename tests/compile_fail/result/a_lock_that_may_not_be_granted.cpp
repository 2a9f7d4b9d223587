// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the lock may not have been granted: look at owns_lock()
// MEANING: With a bound, a stop token, `try_to_lock` or a policy that does not wait the constructor may
// come back without the lock. An object without a name cannot be asked. (A transaction-scope lock that
// waits needs no name: its transaction keeps it.)

#include <pglocks/pglocks.hpp>

bool control(pglocks::transaction& tx) {
    pglocks::transaction_advisory_lock(tx, "x"); // waits
    const pglocks::try_transaction_advisory_lock lock(tx, "y");
    return lock.owns_lock();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) { pglocks::try_transaction_advisory_lock(tx, "x"); }
#endif
