// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a scope policy lacks its fact: give it a member `static constexpr bool
// ends_with_transaction`, as scope::session has
// NOTE: scope_policy

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

namespace app {
struct good {
    using axis = pglocks::axis::scope;
    static constexpr bool ends_with_transaction = false;
};
struct bad {
    using axis = pglocks::axis::scope;
    static inline bool ends_with_transaction = false;
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
