// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a policy is only declared here: include its definition before the lock type is used
// NOTE: rule::defined
// MEANING: The compiler has seen `struct writers;` and not what is in it, so nobody can know on which axis
// it is.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

namespace app {
struct readers {
    using axis = pglocks::axis::mode;
    static constexpr bool is_shared = true;
};
struct writers;
} // namespace app

void control(soci::session& sql) { const pglocks::basic_advisory_lock<app::readers> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<app::writers> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
