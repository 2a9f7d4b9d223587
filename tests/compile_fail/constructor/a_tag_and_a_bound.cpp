// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: after the name or key come, each once at most, values of this lock's own stateful
// policies, one of defer_lock, try_to_lock, adopt_lock, a duration, a time point, and a stop_token where
// the constructor waits
// NOTE: constructor_rule::arguments_have_a_meaning

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <mutex>

void control(soci::session& sql) { const pglocks::timed_advisory_lock lock(sql, "x", std::try_to_lock); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::timed_advisory_lock lock(sql, "x", std::try_to_lock, std::chrono::seconds(1));
}
#endif
