// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/faults.hpp"
#include "torture/judge.hpp"
#include "torture/options.hpp"

#include <iosfwd>

namespace pglocks::torture {

/// Prints the result of a run on one screen.
void print_report(std::ostream& out, const options& chosen, const evidence& all, const verdict& found,
                  const std::map<fault_kind, std::string>& manners);

} // namespace pglocks::torture
