// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <iosfwd>

namespace pglocks::benchmark {

/// Prints what the contestants are built with: a name and a version a line, separated by a tab.
void print_versions(std::ostream& out);

} // namespace pglocks::benchmark
