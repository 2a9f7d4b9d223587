// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

namespace pglock {

/// --check: prints what stands between pglock and the server, what the server is, and the settings under
/// which a cut network is noticed. \returns the exit status: 69 if a lock taken here would be refused
/// *Throws*: `unavailable` if there is no connection.
[[nodiscard]] int check_connection(const options& given);

} // namespace pglock
