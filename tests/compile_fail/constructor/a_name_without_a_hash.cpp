// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: hash::none takes no names: pass a key, or choose hash::postgres<> or another hash
// NOTE: constructor_rule::hash_takes_names
// MEANING: `hash::none` is for programs that number their locks: with it, a name is a mistake. Leave it out
// to use names, and numbers, too.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::hash::none> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::hash::none> lock(sql, "x"); }
#endif
