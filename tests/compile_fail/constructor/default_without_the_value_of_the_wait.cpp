// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: the wait policy of this lock has no default value: pass its value after the name
// NOTE: default_initializable<wait_policy>
// MEANING: An empty lock has a value of its wait policy already, here there is none without arguments.
// Build the lock on its session, with the value behind the name; `std::defer_lock` leaves it unlocked.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

namespace app {
struct free : pglocks::wait::block {};
struct bound : pglocks::wait::block {
    explicit bound(int pause);
};
} // namespace app

void control(soci::session& sql) {
    const pglocks::basic_advisory_lock<app::free> empty;
    const pglocks::basic_advisory_lock<app::bound> lock(sql, "x", app::bound(1));
}

#ifdef PGLOCKS_MUST_FAIL
void wrong() { const pglocks::basic_advisory_lock<app::bound> lock; }
#endif
