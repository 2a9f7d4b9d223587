// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the policies of a lock are not deduced: write its type, advisory_lock or another alias,
// or basic_advisory_lock<...>
// NOTE: written_out
// MEANING: What a constructor is given does not tell the policies: `lock(sql, "x")` might be any lock. An
// alias, `advisory_lock` for instance, needs no angle brackets; `basic_advisory_lock` does, even if they
// are empty.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<> lock(sql, "x"); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::basic_advisory_lock lock(sql, "x"); }
#endif
