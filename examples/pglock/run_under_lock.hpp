// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

namespace pglock {

/// Takes the lock, runs the command, releases the lock. \returns the exit status
///
/// If a signal ends the wait or the command, this process ends of it, too. *Throws*: `unavailable`,
/// `cannot_run`, `pglocks::lock_error`, `std::system_error`.
[[nodiscard]] int run_under_lock(const options& given);

} // namespace pglock
