// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: each half of a pair key is a signed integer of at most 32 bits: cast it where you
// know that it fits
// NOTE: key_half

#include <pglocks/pglocks.hpp>

#include <cstdint>

inline constexpr pglocks::lock_key control(1, 2);

#ifdef PGLOCKS_MUST_FAIL
inline constexpr pglocks::lock_key wrong(1, std::int64_t{2});
#endif
