// SPDX-License-Identifier: BSL-1.0
#include "reports.hpp"

#include <pglocks/inspect.hpp>

namespace reports {

void write() {
    soci::session closed;
    const pglocks::advisory_lock lock(closed, "nightly-report");
}

pglocks::lock_key key() { return pglocks::key_of("nightly-report"); }

pglocks::release_failure_handler replace_handler() { return pglocks::set_release_failure_handler(nullptr); }

} // namespace reports
