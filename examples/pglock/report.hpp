// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace pglock {

/// Writes `pglock: text` as one line to the standard error, in one write, so that lines of several processes
/// do not mix; nothing of pglock's own goes to the standard output, which is the command's.
void report(std::string_view text) noexcept;

} // namespace pglock
