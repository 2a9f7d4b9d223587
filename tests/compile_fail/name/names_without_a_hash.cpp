// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a set of names needs a hash that takes names and has no state: choose hash::postgres<>
// or another hash
// NOTE: hash_takes_names
// MEANING: A `name_set` computes the keys of its names when it is compiled. It cannot have the state of a
// hash such as `hash::siphash`, and `hash::none` maps no names.

#include <pglocks/pglocks.hpp>

using control = pglocks::name_set<pglocks::hash::sha256, "report">;
static_assert(control::size == 1);

#ifdef PGLOCKS_MUST_FAIL
using wrong = pglocks::name_set<pglocks::hash::none, "report">;
static_assert(wrong::size == 1);
#endif
