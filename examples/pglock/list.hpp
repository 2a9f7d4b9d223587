// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/inspect/lock_info.hpp>

#include "options.hpp"

#include <string>

namespace pglock {

/// --list and --who: prints the locks of the database, or of one key; with --watch again and again, until a
/// signal ends it. *Throws*: as `open_session`, and `pglocks::lock_error`.
void print_locks(const options& given);

/// Whose lock it is, briefly: `pid 4711 for at most 3 min 20 s (app@10.0.0.7 "backup")`.
///
/// PostgreSQL does not tell since when a lock is held: not for longer than its session is there.
[[nodiscard]] std::string owner_text(const pglocks::lock_info& lock);

} // namespace pglock
