// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: locks are taken on a soci::session or a soci::connection_pool, or in a
// pglocks::transaction: pass it first, not const, and dereference a pointer
// NOTE: constructor_rule::needs_a_session
// MEANING: The first argument says where the locks are taken. It must be an lvalue, since the set goes on
// using its connection; `const` sessions cannot send anything, and names do not come first.

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
    const pglocks::advisory_lock_set<> locks(names, sql);
}
#endif
