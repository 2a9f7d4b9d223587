// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

/// The processes of the quickstart: each is run by a `quickstart worker NAME` of its own.
namespace workers {

/// All of them lock this name: it is all that they have in common.
inline constexpr std::string_view lock_name = "nightly-report";

/// Is the worker of this name. *Throws*: std::invalid_argument, if there is none.
void run(const std::string& name, const std::string& connection);

} // namespace workers
