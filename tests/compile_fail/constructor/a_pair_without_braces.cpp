// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a pair of keys is one argument: put it in braces, {first, second}
// NOTE: constructor_rule::pair_in_braces
// MEANING: PostgreSQL's locks on a pair of integers are other locks than those on one. Behind the key come
// options, so a second number would be none of them.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, {1, 2}); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::advisory_lock lock(sql, 1, 2); }
#endif
