// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a key is a signed integer of at most 64 bits, or a pair of std::int32_t: cast it
// where you know that it fits
// NOTE: key_integer

#include <pglocks/pglocks.hpp>

void use(pglocks::lock_key);

void control() { use(1); }

#ifdef PGLOCKS_MUST_FAIL
void wrong() { use(true); }
#endif
