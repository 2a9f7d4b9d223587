// SPDX-License-Identifier: BSL-1.0
// ERROR: variable template
// SENTENCE: pglocks: this name is not one of the set: add it there, or correct it
// NOTE: contains(Wanted.view())
// MEANING: A `name_set` declares the names that a program uses, so that a typing error is found by the
// compiler, not by two programs that do not exclude each other.

#include <pglocks/pglocks.hpp>

using names = pglocks::name_set<pglocks::hash::fnv1a, "nightly", "report">;

inline constexpr auto control = names::name<"report">;

#ifdef PGLOCKS_MUST_FAIL
inline constexpr auto wrong = names::name<"rapport">;
#endif
