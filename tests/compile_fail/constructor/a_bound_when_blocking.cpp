// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy takes no bound: leave the duration or time point out, or choose
// wait::timeout or wait::poll<>
// NOTE: constructor_rule::takes_no_bound
// MEANING: A bound is given to each call, never to the type, but only a policy that can end a wait takes
// one: `wait::timeout` (`timed_advisory_lock`) in the server's queue, `wait::poll<>`
// (`polled_advisory_lock`) on this side.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>

void control(soci::session& sql) {
    const pglocks::polled_advisory_lock lock(sql, "x", std::chrono::seconds(1));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) { const pglocks::advisory_lock lock(sql, "x", std::chrono::seconds(1)); }
#endif
