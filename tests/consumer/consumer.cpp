// SPDX-License-Identifier: BSL-1.0
#include <pglocks/pglocks.hpp>

#include <cstdlib>

int main() {
    const pglocks::advisory_lock lock;
    constexpr auto key = pglocks::key_of("nightly-report");
    return key == pglocks::key_of("nightly-report") && !lock.owns_lock() ? EXIT_SUCCESS : EXIT_FAILURE;
}
