// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <functional>
#include <poll.h>

namespace pglocks::test {

/// How long tests wait for what must happen; long, because only a failing test ever waits so long.
inline constexpr std::chrono::milliseconds default_deadline = std::chrono::seconds(10);

/// By how much even a busy machine may exceed a time limit.
inline constexpr std::chrono::milliseconds lateness = std::chrono::seconds(2);

/// Asks again and again until the condition holds or the deadline is over.
///
/// The condition is asked at least once, the last time after the deadline, first every millisecond, later
/// every 20.
/// \returns whether it held.
/// *Throws*: what the condition throws.
template <class Condition>
    requires std::predicate<const Condition&>
[[nodiscard]] bool eventually(const Condition& condition,
                              std::chrono::milliseconds deadline = default_deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    for (int pause = 1;; pause = std::min(pause * 2, 20)) {
        const bool last = std::chrono::steady_clock::now() >= end;
        if (std::invoke(condition))
            return true;
        if (last)
            return false;
        ::poll(nullptr, 0, pause);
    }
}

} // namespace pglocks::test
