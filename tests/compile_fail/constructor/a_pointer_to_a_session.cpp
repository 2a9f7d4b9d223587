// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a lock is taken on a soci::session or a soci::connection_pool, or in a
// pglocks::transaction: pass it first, not const, and dereference a pointer
// NOTE: constructor_rule::needs_a_session
// MEANING: The first argument says where the lock is taken. It must be an lvalue, since the lock goes on
// using its connection; `const` sessions cannot send anything, and a name does not come first.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session* sql) { const pglocks::advisory_lock lock(*sql, "x"); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session* sql) { const pglocks::advisory_lock lock(sql, "x"); }
#endif
