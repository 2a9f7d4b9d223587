// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>

#include <chrono>
#include <string>

namespace pglocks {

/// A question asked again and again on an otherwise idle connection, to notice what the socket does not show.
///
/// Both times are positive; the greatest stand for never.
struct heartbeat {
    std::chrono::milliseconds every{1000}; ///< from one answer to the next question
    std::chrono::milliseconds within{500}; ///< without an answer for so long, the connection counts as lost
};

namespace detail {

/// *Throws*: `refused` for a heartbeat that never rests, or that no server can answer in time.
inline void check(const heartbeat& beat) {
    if (beat.every.count() <= 0 || beat.within.count() <= 0) {
        throw refused({.what = "a heartbeat every " + std::to_string(beat.every.count()) +
                               " ms, to be answered within " + std::to_string(beat.within.count()) + " ms",
                       .advice = "give it positive times, `within` longer than a round trip to the server "
                                 "under load takes; watch(lock) alone asks nothing"});
    }
}

} // namespace detail

} // namespace pglocks
