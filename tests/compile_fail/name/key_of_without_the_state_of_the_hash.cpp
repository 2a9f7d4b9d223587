// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this hash has state: pass its value after the name, as hash::siphash needs its key
// NOTE: stateless
// MEANING: A hash with state has no key of a name without it: two programs with different secrets have
// different keys.

#include <pglocks/pglocks.hpp>

#include <array>
#include <cstdint>
#include <string_view>

pglocks::lock_key control(std::string_view name) {
    return pglocks::key_of(name, pglocks::hash::siphash(std::array<std::uint8_t, 16>{}));
}

#ifdef PGLOCKS_MUST_FAIL
pglocks::lock_key wrong(std::string_view name) { return pglocks::key_of<pglocks::hash::siphash>(name); }
#endif
