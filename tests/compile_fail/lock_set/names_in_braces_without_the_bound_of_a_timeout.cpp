// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: wait::timeout needs its bound: pass a duration or a time point, or try_to_lock or
// defer_lock
// NOTE: constructor_rule::needs_a_bound

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
    const pglocks::advisory_lock_set<pglocks::wait::timeout> locks(sql, {"a", "b"});
}
#endif
