// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace pglocks::test {

[[nodiscard]] inline bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// The message of the exception that an action ends with.
[[nodiscard]] std::string message_of(const auto& action) {
    try {
        action();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "no exception";
}

} // namespace pglocks::test
