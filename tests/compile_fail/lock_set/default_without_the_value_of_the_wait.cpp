// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: the wait policy of these locks has no default value: pass its value after the names
// NOTE: default_initializable<wait_policy>
// MEANING: An empty set has a value of its wait policy already, here there is none without arguments. Build
// the set on its session, with the value behind the names; `std::defer_lock` leaves it unlocked.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

namespace app {
struct free : pglocks::wait::block {};
struct bound : pglocks::wait::block {
    explicit bound(int pause);
};
} // namespace app

void control(soci::session& sql) {
    const pglocks::advisory_lock_set<app::free> empty;
    const pglocks::advisory_lock_set<app::bound> locks(sql, {"x", "y"}, app::bound(1));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong() { const pglocks::advisory_lock_set<app::bound> locks; }
#endif
