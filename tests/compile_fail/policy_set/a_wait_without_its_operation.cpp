// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a wait policy lacks its operation: give it `static constexpr bool unbounded`,
// `bounded`, and `outcome operator()(pglocks::acquisition auto&, pglocks::deadline) const`
// NOTE: wait_policy
// MEANING: A class on the wait axis is called to acquire the lock. `unbounded` and `bounded` are constants
// which say whether the lock has `lock()`, and whether it has `try_lock_for()`. [How to write a wait
// strategy](../how-to/write_a_wait_strategy.md) has an example.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

namespace app {
struct good {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;
    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        return lock.queue(until);
    }
};
struct bad {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;
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
