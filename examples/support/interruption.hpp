// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <csignal>
#include <stdexcept>

namespace example {

namespace detail {
inline volatile std::sig_atomic_t interrupted = 0;
} // namespace detail

/// Turns Ctrl-C (SIGINT, and SIGTERM) into an exception of the next stop_if_interrupted(), so that
/// destructors clean up.
inline void catch_interruption() {
    std::signal(SIGINT, [](int) { detail::interrupted = 1; });
    std::signal(SIGTERM, [](int) { detail::interrupted = 1; });
}

/// *Throws*: std::runtime_error, once Ctrl-C was pressed.
inline void stop_if_interrupted() {
    if (detail::interrupted != 0) {
        throw std::runtime_error("interrupted");
    }
}

} // namespace example
