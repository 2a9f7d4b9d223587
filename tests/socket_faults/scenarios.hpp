// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "socket_faults/stage.hpp"

#include <functional>
#include <map>
#include <string>

namespace pglocks::test {

/// What users do with locks, each from a new session to the end of its locks.
[[nodiscard]] const std::map<std::string, std::function<void(stage&)>>& scenarios();

} // namespace pglocks::test
