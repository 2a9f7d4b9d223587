// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a lock has one owner: move a session-scope lock, and leave a transaction-scope lock
// where it is
// NOTE: basic_advisory_lock

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    lock = pglocks::advisory_lock(sql, "y");
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    pglocks::transaction_advisory_lock lock(tx, "x");
    lock = pglocks::transaction_advisory_lock(tx, "y");
}
#endif
