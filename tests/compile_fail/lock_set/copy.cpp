// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a set of locks has one owner: move session-scope locks, and leave transaction-scope
// locks where they are
// MEANING: Two objects would release each lock twice. A set of session scope can be moved.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, names);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, names);
    const pglocks::advisory_lock_set<> copy(locks);
}
#endif
