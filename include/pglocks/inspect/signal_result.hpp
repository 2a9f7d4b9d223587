// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace pglocks {

/// What became of a signal to another session's backend.
enum class signal_result : std::uint8_t {
    sent,          ///< the backend has been told; it obeys in a moment
    session_ended, ///< not sent: that session is gone, its pid free or another session's
    lock_changed   ///< not sent: it has let go of the lock, or waits for it no more
};

} // namespace pglocks
