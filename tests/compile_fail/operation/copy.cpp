// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a lock has one owner: move a session-scope lock, and leave a transaction-scope lock
// where it is
// NOTE: basic_advisory_lock(const basic_advisory_lock&) = delete
// MEANING: Two objects would release one lock twice. A session-scope lock can be moved. A transaction-scope
// lock stays where it was built, though a function may return one by value.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <utility>

void control(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "x");
    const pglocks::advisory_lock other(std::move(lock));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::advisory_lock lock(sql, "x");
    const pglocks::advisory_lock other(lock);
}
#endif
