// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/pglocks.hpp>

#define REPORTS_API __attribute__((visibility("default")))

namespace reports {

/// Takes the lock of the report.
[[nodiscard]] REPORTS_API pglocks::advisory_lock begin(soci::session& sql);

/// Releases a lock, whoever took it.
REPORTS_API void end(pglocks::advisory_lock lock);

/// Whether nothing of the session waits for its release any more.
[[nodiscard]] REPORTS_API bool is_settled(soci::session& sql);

/// The key of the report, as this unit makes it.
[[nodiscard]] REPORTS_API pglocks::lock_key key();

/// Replaces the handler for failures of releases by pglocks' own, and returns the one before.
REPORTS_API pglocks::release_failure_handler replace_handler();

} // namespace reports
