// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy takes no bound: leave the duration or time point out, or choose
// wait::timeout or wait::poll<>
// NOTE: constructor_rule::takes_no_bound

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>

void control(soci::session& sql) {
    const pglocks::timed_advisory_lock lock(sql, "x", std::chrono::steady_clock::now());
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::try_advisory_lock lock(sql, "x", std::chrono::steady_clock::now());
}
#endif
