// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a policy of this lock has no default value: pass its value after the name, as
// hash::siphash needs its key
// NOTE: constructor_rule::needs_policy_values
// MEANING: The key of `hash::siphash` is a secret that nobody can guess, so there is no default. Any policy
// with state and without a default constructor is treated so.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <array>
#include <cstdint>

using secret_lock = pglocks::basic_advisory_lock<pglocks::hash::siphash>;
inline constexpr pglocks::hash::siphash secret(std::array<std::uint8_t, 16>{});

void control(soci::session& sql) { const secret_lock lock(sql, "x", secret); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const secret_lock lock(sql, "x"); }
#endif
