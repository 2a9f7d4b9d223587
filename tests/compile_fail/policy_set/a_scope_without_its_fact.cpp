// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a scope policy lacks its fact: give it a member `static constexpr bool
// ends_with_transaction`, as scope::session has
// NOTE: scope_policy
// MEANING: A class on the scope axis says whether PostgreSQL keeps the lock until the transaction or until
// the session ends: `ends_with_transaction`, which must be a constant, since it decides what the
// constructor takes.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

namespace app {
struct good {
    using axis = pglocks::axis::scope;
    static constexpr bool ends_with_transaction = false;
};
struct bad {
    using axis = pglocks::axis::scope;
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
