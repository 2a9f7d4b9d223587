// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a lock is taken on a name, a signed integer of at most 64 bits, or a pair of
// std::int32_t: cast a number where you know that it fits, and make a name a std::string_view
// NOTE: constructor_rule::needs_a_name_or_key

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, 0); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::advisory_lock lock(sql); }
#endif
