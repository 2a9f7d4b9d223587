// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the locks are released at the end of this statement: give them a name
// MEANING: Without a name the object is destroyed at the semicolon, and every lock released. The code
// behind it runs without them.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, names);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    pglocks::advisory_lock_set<>(sql, names);
}
#endif
