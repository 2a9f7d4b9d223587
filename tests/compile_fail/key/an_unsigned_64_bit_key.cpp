// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a lock is taken on a name, a signed integer of at most 64 bits, or a pair of
// std::int32_t: cast a number where you know that it fits, and make a name a std::string_view
// NOTE: constructor_rule::needs_a_name_or_key
// MEANING: What to lock is a name, or a number that PostgreSQL has, too. A `bool`, a character or a
// floating number is as a rule another argument that has slipped, `nullptr` is no name, and an unsigned
// 64-bit integer does not always fit: `static_cast` says that this one does. A lock without any of them
// locks nothing.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <cstdint>

void control(soci::session& sql) {
    const pglocks::advisory_lock lock(sql, std::uint32_t{17});
    const pglocks::advisory_lock other(sql, static_cast<std::int64_t>(std::uint64_t{17}));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::advisory_lock lock(sql, std::uint64_t{17}); }
#endif
