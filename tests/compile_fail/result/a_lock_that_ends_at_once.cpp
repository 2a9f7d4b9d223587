// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the lock is released at the end of this statement: give it a name
// MEANING: Without a name the object is destroyed at the semicolon, and the lock released. The code behind
// it runs without it.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, "x"); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { pglocks::advisory_lock(sql, "x"); }
#endif
