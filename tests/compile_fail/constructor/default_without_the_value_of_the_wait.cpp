// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: the wait policy of this lock has no default value: pass its value after the name
// NOTE: default_initializable<wait_policy>

#include <pglocks/pglocks.hpp>

namespace app {
struct free : pglocks::wait::block {};
struct bound : pglocks::wait::block {
    explicit bound(int pause);
};
} // namespace app

void control() { const pglocks::basic_advisory_lock<app::free> lock; }

#ifdef PGLOCKS_MUST_FAIL
void wrong() { const pglocks::basic_advisory_lock<app::bound> lock; }
#endif
