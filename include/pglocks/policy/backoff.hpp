// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <sys/random.h>

namespace pglocks {

// The pauses of wait::poll<Backoff>, and when to use each:
// - jittered_exponential, the default: for waiters that are many, or wait long.
// - fixed_pause: when the delay matters more than the number of round trips.

/// Says how long to pause after the given number of tries (from 1).
template <class B>
concept backoff = requires(const B& b, unsigned tries) {
    { b(tries) } -> std::convertible_to<std::chrono::nanoseconds>;
};

namespace detail {

/// In nanoseconds, at most the 292 years that they hold.
[[nodiscard]] constexpr std::chrono::nanoseconds saturated(std::chrono::milliseconds pause) noexcept {
    using std::chrono::nanoseconds;
    return std::clamp(pause, std::chrono::ceil<std::chrono::milliseconds>(nanoseconds::min()),
                      std::chrono::floor<std::chrono::milliseconds>(nanoseconds::max()));
}

/// Drawn evenly by the operating system: no generator that threads or forked processes could share, and no
/// <random>, which takes every program a tenth of a second to compile.
[[nodiscard]] inline std::uint64_t random_bits() noexcept {
    std::uint64_t bits = 0;
    if (::getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits) { // the machine is just booting
        bits = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    return bits;
}

} // namespace detail

/// A pause drawn evenly between nothing and a ceiling that doubles with each try up to a limit, so that
/// waiters do not come back in step ("full jitter": Brooker, "Exponential Backoff And Jitter", AWS
/// Architecture Blog, 2015).
struct jittered_exponential {
    std::chrono::milliseconds first{2};   ///< the ceiling of the first pause
    std::chrono::milliseconds most{1000}; ///< the ceiling of every later one at most

    /// The pause after this many tries: at least 1 ns.
    [[nodiscard]] std::chrono::nanoseconds operator()(unsigned tries) const {
        auto ceiling = std::max(std::min(first, most), std::chrono::milliseconds::zero());
        for (unsigned doublings = std::min(tries, 64U); doublings > 1 && ceiling < most; --doublings) {
            ceiling = ceiling > most / 2 ? most : ceiling * 2;
        }
        using rep = std::chrono::nanoseconds::rep;
        const rep longest = std::max<rep>(1, detail::saturated(ceiling).count());
        return std::chrono::nanoseconds(
            1 + static_cast<rep>(detail::random_bits() % static_cast<std::uint64_t>(longest)));
    }
};

/// Always the same pause.
struct fixed_pause {
    std::chrono::milliseconds pause{100}; ///< its length

    /// `pause`, however many tries there were.
    [[nodiscard]] std::chrono::nanoseconds operator()(unsigned /*tries*/) const noexcept {
        return detail::saturated(pause);
    }
};

} // namespace pglocks
