// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pglock {

/// What in a connection string must not be seen, and how messages are kept free of it.
///
/// libpq quotes pieces of a connection string that it does not understand, and looks for a host behind the
/// first `@` of a password that has one.
class secrets {
public:
    explicit secrets(std::string_view connection_string);

    /// The text with `***` for every piece of a password, and for all that is quoted with one.
    [[nodiscard]] std::string without(std::string_view text) const;

private:
    void add(std::string_view piece);

    std::vector<std::string> pieces_; ///< longest first
};

} // namespace pglock
