// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: hash::none takes no names: choose hash::postgres<> or another hash
// NOTE: hash_takes_names
// MEANING: `hash::none` maps no names. A number is a key already: `lock_key(17)`.

#include <pglocks/pglocks.hpp>

#include <string_view>

pglocks::lock_key control(std::string_view name) { return pglocks::key_of<pglocks::hash::sha256>(name); }

#ifdef PGLOCKS_MUST_FAIL
pglocks::lock_key wrong(std::string_view name) { return pglocks::key_of<pglocks::hash::none>(name); }
#endif
