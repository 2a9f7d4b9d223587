// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: hash::in_namespace<Id, H> lacks its hash: give it one that takes names, as
// hash::postgres<>
// NOTE: hash_takes_names
// MEANING: `hash::in_namespace<Id, H>` makes a pair of `Id` and the low half of what `H` makes of the name,
// so `H` must take names. `hash::none` takes keys alone; a pair of numbers that you have already is written
// `{Id, number}`.

#include <pglocks/pglocks.hpp>

using control = pglocks::basic_advisory_lock<pglocks::hash::in_namespace<1, pglocks::hash::sha256>>;
static_assert(sizeof(control) > 0);

#ifdef PGLOCKS_MUST_FAIL
using wrong = pglocks::basic_advisory_lock<pglocks::hash::in_namespace<1, pglocks::hash::none>>;
static_assert(sizeof(wrong) > 0);
#endif
