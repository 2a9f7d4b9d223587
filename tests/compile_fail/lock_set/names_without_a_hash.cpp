// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: hash::none takes no names: pass a range of keys, or choose hash::postgres<> or another
// hash
// NOTE: constructor_rule::hash_takes_names
// MEANING: `hash::none` is for programs that number their locks: with it, names are a mistake. Leave it out
// to use names, and numbers, too.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::hash::none> locks(sql, std::vector<int>(names.size()));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::hash::none> locks(sql, names);
}
#endif
