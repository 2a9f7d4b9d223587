// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key.hpp>

#include "exit_status.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pglock {

using seconds = std::chrono::duration<double>;

/// What is to be done.
enum class action : std::uint8_t { run, list, who, print_key, check, help, version };

/// The command line, understood.
struct options {
    action what = action::run;
    std::string name{};                          ///< empty: `key` was given instead
    std::optional<pglocks::lock_key> key{};      ///< of `name`, unless `every_hash` or none is needed
    bool every_hash = false;                     ///< --hash all
    std::vector<std::string> command{};          ///< and its arguments
    bool shared = false;                         ///< -s
    std::optional<seconds> wait{};               ///< -w; zero for -n; empty: as long as it takes
    int conflict_status = exit_status::conflict; ///< -E
    std::string dsn{};                           ///< libpq's connection string; may hold a password
    std::optional<std::string> application_name{};
    seconds grace{10};
    bool end_on_loss = true;
    bool verbose = false;
    bool json = false;
    std::optional<seconds> watch{}; ///< how often the list is refreshed
    std::string help{};             ///< the text for --help
};

/// *Throws*: `usage_error`, with one line that says what is wrong and never quotes the connection string.
[[nodiscard]] options parse_options(int argc, const char* const* argv);

/// The lock as messages call it: `lock "name" (key N)`, or `lock key N`.
[[nodiscard]] std::string lock_text(const options& given);

} // namespace pglock
