// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: after the name or key come, each once at most, values of this lock's own stateful
// policies, one of defer_lock, try_to_lock, adopt_lock, a duration, a time point, and a stop_token where
// the constructor waits
// NOTE: constructor_rule::arguments_have_a_meaning
// MEANING: Arguments that contradict each other, come twice, or mean nothing for this lock are refused,
// rather than one of them ignored: two tags or bounds, a tag and a bound, a stop token beside a tag or
// where the constructor does not wait, the value of another lock's policy or of one that has no state, the
// hash's value beside a key that needs no hash.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>

void control(soci::session& sql) { const pglocks::advisory_lock lock(sql, "x", std::try_to_lock); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::advisory_lock lock(sql, "x", std::try_to_lock, std::defer_lock);
}
#endif
