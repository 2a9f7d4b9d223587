// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: wait::timeout needs its bound: pass a duration or a time point, or try_to_lock or
// defer_lock
// NOTE: constructor_rule::needs_a_bound
// MEANING: `wait::timeout` has no bound of its own, and without one it would wait for ever: that is
// `wait::block`.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>

void control(soci::session& sql) {
    const pglocks::timed_advisory_lock lock(sql, "x", std::chrono::seconds(1));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::timed_advisory_lock lock(sql, "x"); }
#endif
