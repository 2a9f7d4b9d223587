// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace pglocks {

/// Until when a wait may last, on the monotonic clock; empty: without a bound.
using deadline = std::optional<std::chrono::steady_clock::time_point>;

/// How a step of an acquisition ended.
enum class outcome : std::uint8_t {
    acquired, ///< the lock is held
    busy,     ///< somebody else holds it
    expired,  ///< the deadline has passed, the lock is not held
    stopped   ///< a stop was requested, the lock is not held
};

namespace detail {

/// The deadline `timeout` from now: rounded up to the clock's tick, saturated at its end; NaN has expired.
template <class Rep, class Period>
[[nodiscard]] std::chrono::steady_clock::time_point
deadline_after(std::chrono::duration<Rep, Period> timeout) {
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<long double>;
    const auto now = clock::now();
    const auto wanted = std::chrono::duration_cast<seconds>(timeout);
    if (!(wanted > seconds::zero())) {
        return now;
    }
    if (wanted >= std::chrono::duration_cast<seconds>(clock::time_point::max() - now) - seconds(1)) {
        return clock::time_point::max();
    }
    return now + std::chrono::ceil<clock::duration>(timeout);
}

/// The deadline of a wait: as `deadline_after`, and at least PostgreSQL's least timeout, a millisecond, from
/// now.
template <class Rep, class Period>
[[nodiscard]] std::chrono::steady_clock::time_point bound_after(std::chrono::duration<Rep, Period> timeout) {
    using milliseconds = std::chrono::duration<long double, std::milli>;
    const auto wanted = std::chrono::duration_cast<milliseconds>(timeout);
    return wanted > milliseconds::zero() && wanted < milliseconds(1) ? deadline_after(milliseconds(1))
                                                                     : deadline_after(timeout);
}

/// The monotonic deadline that a time point of any clock stands for, judged now.
template <class Clock, class Duration>
[[nodiscard]] std::chrono::steady_clock::time_point
deadline_at(const std::chrono::time_point<Clock, Duration>& when) {
    using seconds = std::chrono::duration<long double>;
    const auto now = Clock::now();
    return deadline_after(std::chrono::duration_cast<seconds>(when.time_since_epoch()) -
                          std::chrono::duration_cast<seconds>(now.time_since_epoch()));
}

[[nodiscard]] inline bool has_expired(const deadline& until) noexcept {
    return until && std::chrono::steady_clock::now() >= *until;
}

/// What is left until `until`, in whole milliseconds rounded up, at most what PostgreSQL's and poll()'s `int`
/// takes.
[[nodiscard]] inline int milliseconds_until(std::chrono::steady_clock::time_point until) noexcept {
    const auto now = std::chrono::steady_clock::now();
    if (until <= now) {
        return 0;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
    return left < std::numeric_limits<int>::max() ? static_cast<int>(left) : std::numeric_limits<int>::max();
}

} // namespace detail

} // namespace pglocks
