// SPDX-License-Identifier: BSL-1.0
// ERROR: constant expression
// SENTENCE: pglocks: the hash cannot map this name: leave out NUL and non-UTF-8 bytes, or choose another hash
// MEANING: PostgreSQL's text has no NUL byte, so `hash::postgres<>` cannot have the key of this name; most
// other ecosystems take UTF-8 alone. In a constant expression the compiler says so; at run time `refused`
// is thrown. `hash::sha256` and `hash::fnv1a` map any bytes.

#include <pglocks/pglocks.hpp>

#include <string_view>

inline constexpr pglocks::lock_key control = pglocks::key_of("a b");

#ifdef PGLOCKS_MUST_FAIL
inline constexpr pglocks::lock_key wrong = pglocks::key_of(std::string_view("a\0b", 3));
#endif
