// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pglock {

/// The text on one line, without what a terminal would obey: line breaks become spaces, control characters
/// and what is not UTF-8 `?`.
[[nodiscard]] std::string printable(std::string_view text);

/// How many columns a UTF-8 text takes on a terminal.
[[nodiscard]] std::size_t width_of(std::string_view text) noexcept;

/// The beginning of a UTF-8 text that takes at most `columns`; ends in `...` if something is left out.
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t columns);

/// A time as people say it: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
[[nodiscard]] std::string duration_text(std::chrono::duration<double> time);

/// Rows of cells, the first one being the heads, as columns of one width; the last column is not padded.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

/// The key as scripts take it: `N`, or `A,B` for a pair, signed as in SQL.
[[nodiscard]] std::string key_text(pglocks::lock_key key);

/// Reads what `key_text` prints. *Throws*: `usage_error` for other text, and for numbers out of range.
[[nodiscard]] pglocks::lock_key parse_key(std::string_view text);

} // namespace pglock
