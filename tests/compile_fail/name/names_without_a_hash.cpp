// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a set of names needs a hash that takes names and has no state: choose hash::postgres<>
// or another hash
// NOTE: hash_takes_names

#include <pglocks/pglocks.hpp>

using control = pglocks::name_set<pglocks::hash::sha256, "report">;
static_assert(control::size == 1);

#ifdef PGLOCKS_MUST_FAIL
using wrong = pglocks::name_set<pglocks::hash::none, "report">;
static_assert(wrong::size == 1);
#endif
