// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: adopt_lock takes over a session-scope lock of a given soci::session: leave it out
// here
// NOTE: constructor_rule::adopts_on_a_session
// MEANING: Who adopts a lock releases it. A transaction-scope lock is released by its transaction, and a
// session from a pool is not known before the lock is built, so neither has anything to adopt.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, "x", std::adopt_lock); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    const pglocks::transaction_advisory_lock lock(tx, "x", std::adopt_lock);
}
#endif
