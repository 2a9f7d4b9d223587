// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a mode policy lacks its fact: give it a member `static constexpr bool is_shared`, as
// mode::shared has
// NOTE: mode_policy
// MEANING: A class on the mode axis says who else may hold the lock: `is_shared`, which must be a constant,
// since it decides which operations the lock has.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

namespace app {
struct good {
    using axis = pglocks::axis::mode;
    static constexpr bool is_shared = false;
};
struct bad {
    using axis = pglocks::axis::mode;
};
} // namespace app

void control(soci::session& sql) { const pglocks::basic_advisory_lock<app::good> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<app::bad> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
