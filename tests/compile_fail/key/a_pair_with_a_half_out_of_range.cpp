// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: each half of a pair key is a signed integer of at most 32 bits: cast it where you
// know that it fits
// NOTE: key_half
// MEANING: The halves of a pair are `integer` in PostgreSQL. A number with more bits would have to lose
// some, and share its lock with another one.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, {1, 2}); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::advisory_lock lock(sql, {1, 5000000000}); }
#endif
