// SPDX-License-Identifier: BSL-1.0
#include "secrets.hpp"

#include <algorithm>

namespace pglock {

namespace {

constexpr std::string_view stars = "***";
constexpr std::size_t least = 3; ///< shorter pieces would blank out half of a message, and tell little

/// The value behind `keyword =`, as libpq reads it: in quotes with backslashes, or up to a space.
[[nodiscard]] std::vector<std::string> values_of(std::string_view text, std::string_view keyword) {
    std::vector<std::string> values;
    for (auto at = text.find(keyword); at != std::string_view::npos; at = text.find(keyword, at + 1)) {
        auto i = text.find_first_not_of(' ', at + keyword.size());
        if (i == std::string_view::npos || text[i] != '=') {
            continue;
        }
        i = text.find_first_not_of(' ', i + 1);
        if (i == std::string_view::npos) {
            continue;
        }
        const bool quoted = text[i] == '\'';
        std::string value;
        for (i += quoted ? 1 : 0; i < text.size() && text[i] != (quoted ? '\'' : ' '); ++i) {
            i += text[i] == '\\' && i + 1 < text.size() ? 1 : 0;
            value += text[i];
        }
        values.push_back(std::move(value));
        values.emplace_back(text.substr(at + keyword.size() + 1)); // however it was meant: all of the rest
    }
    return values;
}

} // namespace

secrets::secrets(std::string_view connection_string) {
    if (const auto slashes = connection_string.find("://"); slashes != std::string_view::npos) {
        const auto authority = connection_string.substr(slashes + 3);
        const auto colon = authority.find(':');
        const auto at = authority.rfind('@');
        if (colon < at && at != std::string_view::npos) {
            add(authority.substr(colon + 1, at - colon - 1));
        }
    }
    for (const std::string& value : values_of(connection_string, "password")) { // and sslpassword
        add(value);
    }
    std::sort(pieces_.begin(), pieces_.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

void secrets::add(std::string_view piece) {
    constexpr std::string_view separators = " @/?&='\":\\";
    pieces_.emplace_back(piece);
    while (!piece.empty()) {
        const auto end = std::min(piece.find_first_of(separators), piece.size());
        pieces_.emplace_back(piece.substr(0, end));
        piece.remove_prefix(std::min(end + 1, piece.size()));
    }
    std::erase_if(pieces_, [](const auto& p) { return p.size() < least; });
}

std::string secrets::without(std::string_view text) const {
    std::string clean(text);
    for (const std::string& piece : pieces_) {
        for (auto at = clean.find(piece); at != std::string::npos;
             at = clean.find(piece, at + stars.size())) {
            clean.replace(at, piece.size(), stars);
        }
    }
    return clean;
}

} // namespace pglock
