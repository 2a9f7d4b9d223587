// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace pglocks::test {

/// A TCP port of 127.0.0.1 that nobody listens on, for now.
/// *Throws*: std::system_error.
[[nodiscard]] std::uint16_t free_port();

} // namespace pglocks::test
