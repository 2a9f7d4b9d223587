// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a key is a signed integer of at most 64 bits, or a pair of std::int32_t: cast it
// where you know that it fits
// NOTE: key_integer
// MEANING: PostgreSQL's keys are `bigint`. A `bool`, a character or a floating number is as a rule another
// argument that has slipped, and an unsigned 64-bit integer does not always fit: `static_cast` says that
// this one does.

#include <pglocks/pglocks.hpp>

#include <cstdint>

inline constexpr pglocks::lock_key control(std::uint32_t{17});

#ifdef PGLOCKS_MUST_FAIL
inline constexpr pglocks::lock_key wrong(std::uint64_t{17});
#endif
