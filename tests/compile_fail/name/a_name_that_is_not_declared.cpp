// SPDX-License-Identifier: BSL-1.0
// ERROR: variable template
// SENTENCE: pglocks: this name is not one of the set: add it there, or correct it
// NOTE: contains(Wanted.view())

#include <pglocks/pglocks.hpp>

using names = pglocks::name_set<pglocks::hash::fnv1a, "nightly", "report">;

inline constexpr auto control = names::name<"report">;

#ifdef PGLOCKS_MUST_FAIL
inline constexpr auto wrong = names::name<"rapport">;
#endif
