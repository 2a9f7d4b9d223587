// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pglocks::torture {

/// What is done to servers, poolers, networks and processes while locks are held.
enum class fault_kind : std::uint8_t {
    kill_client,       ///< SIGKILL of a worker process, which is started anew
    stop_client,       ///< SIGSTOP of a worker process for 0.1 to 5 s
    terminate_backend, ///< pg_terminate_backend
    cancel_backend,    ///< pg_cancel_backend
    kill_backend,      ///< SIGKILL of a backend: the whole server recovers
    restart_fast,
    restart_immediate,
    cut_network,      ///< nothing passes for some seconds, and nobody is told
    reset_connection, ///< RST on both sides
    stop_backend,     ///< SIGSTOP of a backend for 0.1 to 4 s
    race_timeouts,    ///< waits that end when the holder releases
    reload_pooler     ///< PgBouncer goes from session to transaction mode, and back
};

struct fault_name {
    fault_kind kind;
    std::string_view text;
};

inline constexpr std::array fault_names{fault_name{fault_kind::kill_client, "kill-client"},
                                        fault_name{fault_kind::stop_client, "stop-client"},
                                        fault_name{fault_kind::terminate_backend, "terminate-backend"},
                                        fault_name{fault_kind::cancel_backend, "cancel-backend"},
                                        fault_name{fault_kind::kill_backend, "kill-backend"},
                                        fault_name{fault_kind::restart_fast, "restart-fast"},
                                        fault_name{fault_kind::restart_immediate, "restart-immediate"},
                                        fault_name{fault_kind::cut_network, "cut-network"},
                                        fault_name{fault_kind::reset_connection, "reset-connection"},
                                        fault_name{fault_kind::stop_backend, "stop-backend"},
                                        fault_name{fault_kind::race_timeouts, "race-timeouts"},
                                        fault_name{fault_kind::reload_pooler, "reload-pooler"}};

[[nodiscard]] constexpr std::string_view name_of(fault_kind kind) noexcept {
    return fault_names.at(static_cast<std::size_t>(kind)).text;
}

[[nodiscard]] constexpr std::optional<fault_kind> fault_called(std::string_view text) noexcept {
    const auto* const found = std::ranges::find(fault_names, text, &fault_name::text);
    return found == fault_names.end() ? std::nullopt : std::optional(found->kind);
}

} // namespace pglocks::torture
