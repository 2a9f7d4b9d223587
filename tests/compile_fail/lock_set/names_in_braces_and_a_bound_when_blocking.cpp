// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: this wait policy takes no bound: leave the duration or time point out, or choose
// wait::timeout or wait::poll<>
// NOTE: constructor_rule::takes_no_bound

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::wait::timeout> locks(sql, names, std::chrono::seconds(1));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::advisory_lock_set<> locks(sql, {"a", "b"}, std::chrono::seconds(1));
}
#endif
