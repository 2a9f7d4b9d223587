// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a policy of these locks has no default value: pass its value after the names, as
// hash::siphash needs its key
// NOTE: constructor_rule::needs_policy_values
// MEANING: The key of `hash::siphash` is a secret that nobody can guess, so there is no default. Any policy
// with state and without a default constructor is treated so.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::hash::siphash> locks(sql, names,
                                                                   pglocks::hash::siphash{{1, 2}});
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::hash::siphash> locks(sql, names);
}
#endif
