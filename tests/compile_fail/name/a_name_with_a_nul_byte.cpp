// SPDX-License-Identifier: BSL-1.0
// ERROR: constant expression
// SENTENCE: pglocks: the hash cannot map this name: leave out NUL and non-UTF-8 bytes, or choose another hash

#include <pglocks/pglocks.hpp>

#include <string_view>

inline constexpr pglocks::lock_key control = pglocks::key_of("a b");

#ifdef PGLOCKS_MUST_FAIL
inline constexpr pglocks::lock_key wrong = pglocks::key_of(std::string_view("a\0b", 3));
#endif
