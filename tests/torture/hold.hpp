// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pglocks::torture {

/// CLOCK_MONOTONIC, which is one clock for all processes of a machine.
using instant = std::chrono::steady_clock::time_point;
using nanoseconds = std::chrono::nanoseconds;

/// Names one attempt to take a lock among all workers, and is told to all witnesses.
struct hold_id {
    std::uint64_t value = 0; ///< 0: none

    hold_id() = default;
    explicit constexpr hold_id(std::uint64_t bits) noexcept : value(bits) {}
    constexpr hold_id(unsigned worker, unsigned generation, std::uint32_t number) noexcept
        : value(std::uint64_t{worker} << 48 | std::uint64_t{generation} << 32 | number) {}

    /// The thread, counted through all processes.
    [[nodiscard]] constexpr unsigned worker() const noexcept { return static_cast<unsigned>(value >> 48); }
    /// How often its process had been started before, and one.
    [[nodiscard]] constexpr unsigned generation() const noexcept {
        return static_cast<unsigned>(value >> 32 & 0xffff);
    }

    friend constexpr auto operator<=>(hold_id, hold_id) noexcept = default;
};

/// How a worker's session reaches the server.
enum class route : std::uint8_t { socket, proxy, network, pooler };
inline constexpr std::array<std::string_view, 4> route_names{"socket", "proxy", "network", "pooler"};

/// How a worker waits.
enum class wait_kind : std::uint8_t { block, none, timeout, poll };
inline constexpr std::array<std::string_view, 4> wait_names{"block", "none", "timeout", "poll"};

/// How a hold ended, as far as its holder could know.
enum class ending : std::uint8_t {
    denied,   ///< it was never granted
    released, ///< the server confirmed the release, or the commit that released it
    lost,     ///< the holder was told that it holds nothing
    not_held, ///< the server said, to a release, that nothing was held
    killed,   ///< the process was killed while it held the lock
    open      ///< the history ends, and nobody knows why
};

[[nodiscard]] constexpr std::string_view name_of(ending how) noexcept {
    constexpr std::array<std::string_view, 6> names{"denied",   "released", "lost",
                                                    "not-held", "killed",   "open"};
    return names.at(static_cast<std::size_t>(how));
}

/// One attempt to take a lock, and what became of it: what one worker's history says.
struct hold {
    hold_id id;
    std::int64_t key = 0;
    bool shared = false;
    bool in_transaction = false; ///< scope::transaction; the row is then written in that transaction
    wait_kind wait = wait_kind::block;
    torture::route route = route::socket;
    int backend = 0;

    instant asked{};
    bool raced = false;                 ///< the bound was chosen to end when the holder releases
    std::optional<nanoseconds> bound{}; ///< of the wait
    std::optional<instant> answered{};  ///< granted or denied
    std::string denial{}; ///< why not: busy, expired, stopped, or an SQLSTATE; empty: no answer came

    ending how = ending::denied;
    instant claimed_until{};          ///< told, or about to release, or killed
    std::optional<instant> noticed{}; ///< of a loss: when the first sign came
    std::string sign{};               ///< token, lost(), or what threw

    std::optional<hold_id> read{};   ///< who had written the row
    std::optional<hold_id> reread{}; ///< the same, at the end of a reader's hold
    bool wrote = false;              ///< the row, and it was confirmed

    [[nodiscard]] bool granted() const noexcept { return how != ending::denied; }
};

} // namespace pglocks::torture
