// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a lock has one owner: move a session-scope lock, and leave a transaction-scope lock
// where it is
// NOTE: basic_advisory_lock(const basic_advisory_lock&) = delete

#include <pglocks/pglocks.hpp>

void control(pglocks::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(tx, "x");
    const pglocks::transaction_advisory_lock& other = lock;
    static_cast<void>(other);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(tx, "x");
    const pglocks::transaction_advisory_lock other(lock);
}
#endif
