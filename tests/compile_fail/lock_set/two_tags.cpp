// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: after the names or keys come, each once at most, values of this set's own stateful
// policies, one of defer_lock, try_to_lock, adopt_lock, a duration, a time point, and a stop_token where
// the constructor waits
// NOTE: constructor_rule::arguments_have_a_meaning
// MEANING: As for one lock: arguments that contradict each other, come twice, or mean nothing for this set
// are refused, rather than one of them ignored.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, names, std::try_to_lock);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, names, std::try_to_lock, std::defer_lock);
}
#endif
