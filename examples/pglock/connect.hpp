// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/postgres/session_preset.hpp>

#include "options.hpp"

#include <soci/soci.h>

#include <memory>
#include <string>

namespace pglock {

/// How soon a cut network is noticed, and how late the server may be with its answer to a deadline.
inline constexpr pglocks::session_preset preset{.network_timeout = std::chrono::seconds(10),
                                                .patience = std::chrono::seconds(2)};

/// A session with the preset applied. *Throws*: `unavailable`, without a word of a password.
[[nodiscard]] std::unique_ptr<soci::session> open_session(const options& given);

/// What went wrong, on one line and without a word of a password.
[[nodiscard]] std::string message_of(const std::exception& error, const options& given);

} // namespace pglock
