// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: adopt_lock takes over session-scope locks of a given soci::session: leave it out here
// NOTE: constructor_rule::adopts_on_a_session
// MEANING: Who adopts locks releases them. Transaction-scope locks are released by their transaction, and a
// session from a pool is not known before the set is built, so neither has anything to adopt.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <mutex>
#include <string>
#include <vector>

void control(soci::connection_pool& pool, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(pool, names);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::connection_pool& pool, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(pool, names, std::adopt_lock);
}
#endif
