// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a lock is taken on a soci::session or a soci::connection_pool, or in a
// pglocks::transaction: pass it first, not const, and dereference a pointer
// NOTE: constructor_rule::needs_a_session

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, "x"); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::advisory_lock lock("x", sql); }
#endif
