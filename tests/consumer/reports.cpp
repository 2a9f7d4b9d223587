// SPDX-License-Identifier: BSL-1.0
#include "reports.hpp"

#include <pglocks/inspect.hpp>

#include <utility>

namespace reports {

pglocks::advisory_lock begin(soci::session& sql) { return pglocks::advisory_lock(sql, "nightly-report"); }

void end(pglocks::advisory_lock lock) { const pglocks::advisory_lock ours = std::move(lock); }

bool is_settled(soci::session& sql) { return pglocks::release_pending(sql); }

pglocks::lock_key key() { return pglocks::key_of("nightly-report"); }

pglocks::release_failure_handler replace_handler() { return pglocks::set_release_failure_handler(nullptr); }

} // namespace reports
