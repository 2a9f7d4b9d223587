// SPDX-License-Identifier: BSL-1.0
#include "text.hpp"

#include "errors.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cwchar>
#include <optional>
#include <system_error>

namespace pglock {

namespace {

constexpr std::string_view ellipsis = "...";

/// A character, or a byte that is none.
struct character {
    std::size_t size;
    int columns; ///< on a terminal; negative for what is not to be shown
};

/// Changes how its neighbours are shown, such as their direction (Unicode 15, 23.2), and shows nothing
/// itself.
[[nodiscard]] bool is_invisible(wchar_t c) noexcept {
    return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           c == 0xFEFF;
}

/// Needs a locale of UTF-8, see `main`.
[[nodiscard]] character first_character(std::string_view text) noexcept {
    wchar_t code_point = 0;
    std::mbstate_t state{};
    const std::size_t size = std::mbrtowc(&code_point, text.data(), text.size(), &state);
    if (size == 0 || size > text.size()) {
        return {1, -1};
    }
    return {size, is_invisible(code_point) ? -1 : ::wcwidth(code_point)};
}

template <class Integer>
[[nodiscard]] std::optional<Integer> number(std::string_view text) noexcept {
    Integer value{};
    const std::string copy(text);
    const auto [last, error] = std::from_chars(copy.data(), copy.data() + copy.size(), value);
    return error == std::errc() && last == copy.data() + copy.size() ? std::optional(value) : std::nullopt;
}

} // namespace

std::string printable(std::string_view text) {
    std::string line;
    while (!text.empty()) {
        const auto [size, columns] = first_character(text);
        const char c = text.front();
        if (columns >= 0) {
            line += text.substr(0, size);
        } else {
            line += c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
        }
        text.remove_prefix(size);
    }
    return line;
}

std::size_t width_of(std::string_view text) noexcept {
    std::size_t width = 0;
    while (!text.empty()) {
        const auto [size, columns] = first_character(text);
        width += static_cast<std::size_t>(std::max(columns, 0));
        text.remove_prefix(size);
    }
    return width;
}

std::string cut_to(std::string_view text, std::size_t columns) {
    if (width_of(text) <= columns) {
        return std::string(text);
    }
    const std::size_t kept = columns - std::min(columns, ellipsis.size());
    std::size_t end = 0;
    for (std::size_t width = 0;;) { // it ends before the text does, which is too wide
        const auto next = first_character(text.substr(end));
        width += static_cast<std::size_t>(std::max(next.columns, 0));
        if (width > kept) {
            return std::string(text.substr(0, end)) += ellipsis.substr(0, columns);
        }
        end += next.size;
    }
}

std::string duration_text(std::chrono::duration<double> time) {
    using namespace std::chrono_literals;
    const double seconds = std::max(0.0, time.count());
    if (seconds < 10) {
        const auto tenths = static_cast<long long>(seconds * 10);
        return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
    }
    const auto whole = static_cast<long long>(seconds);
    const auto two = [](long long a, const char* of_a, long long b, const char* of_b) {
        return std::to_string(a) + of_a + (b == 0 ? "" : ' ' + std::to_string(b) + of_b);
    };
    if (whole < 60) {
        return std::to_string(whole) + " s";
    }
    if (whole < 3600) {
        return two(whole / 60, " min", whole % 60, " s");
    }
    if (whole < 86400) {
        return two(whole / 3600, " h", whole % 3600 / 60, " min");
    }
    return two(whole / 86400, " d", whole % 86400 / 3600, " h");
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i != row.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i != row.size(); ++i) {
            text += row[i];
            if (i + 1 != row.size()) {
                text.append(widths[i] - width_of(row[i]) + 2, ' ');
            }
        }
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text;
}

std::string key_text(pglocks::lock_key key) {
    return key.is_pair() ? std::to_string(key.first()) + ',' + std::to_string(key.second())
                         : std::to_string(key.bits());
}

pglocks::lock_key parse_key(std::string_view text) {
    if (const auto comma = text.find(','); comma != std::string_view::npos) {
        const auto first = number<std::int32_t>(text.substr(0, comma));
        const auto second = number<std::int32_t>(text.substr(comma + 1));
        if (first && second) {
            return {*first, *second};
        }
    } else if (const auto key = number<std::int64_t>(text)) {
        return *key;
    }
    throw usage_error("--key takes a signed 64-bit integer, or two signed 32-bit ones as A,B");
}

} // namespace pglock
