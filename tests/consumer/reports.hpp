// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/pglocks.hpp>

#define REPORTS_API __attribute__((visibility("default")))

namespace reports {

/// Takes a lock on a session that is not open. Throws `pglocks::refused`.
REPORTS_API void write();

/// The key of the report, as this unit makes it.
[[nodiscard]] REPORTS_API pglocks::lock_key key();

/// Replaces the handler for failures of releases by pglocks' own, and returns the one before.
REPORTS_API pglocks::release_failure_handler replace_handler();

} // namespace reports
