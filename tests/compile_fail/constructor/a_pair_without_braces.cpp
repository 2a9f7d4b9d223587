// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a pair of keys is one argument: put it in braces, {first, second}
// NOTE: constructor_rule::pair_in_braces

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, {1, 2}); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::advisory_lock lock(sql, 1, 2); }
#endif
