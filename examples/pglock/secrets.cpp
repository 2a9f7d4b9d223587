// SPDX-License-Identifier: BSL-1.0
#include "secrets.hpp"

#include <algorithm>
#include <charconv>

namespace pglock {

namespace {

constexpr std::string_view stars = "***";
constexpr std::size_t least = 3; ///< shorter pieces would blank out half of a message: only what is quoted

/// `%41` as `A`.
[[nodiscard]] std::string decoded(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char* const digits = text.data() + i + 1;
        unsigned char byte = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            plain += static_cast<char>(byte);
            i += 2;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

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
            const auto password = authority.substr(colon + 1, at - colon - 1);
            add(password);
            add(decoded(password));
        }
    }
    for (const std::string& value : values_of(connection_string, "password")) { // and sslpassword
        add(value);
        add(decoded(value));
    }
    std::sort(pieces_.begin(), pieces_.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

void secrets::add(std::string_view piece) {
    constexpr std::string_view separators = " \t\n\v\f\r@/?&='\":\\"; // SOCI makes one blank of another
    pieces_.emplace_back(piece);
    while (!piece.empty()) {
        const auto end = std::min(piece.find_first_of(separators), piece.size());
        pieces_.emplace_back(piece.substr(0, end));
        piece.remove_prefix(std::min(end + 1, piece.size()));
    }
    std::erase_if(pieces_, [](const auto& p) { return p.empty(); });
}

std::string secrets::without(std::string_view text) const {
    const auto tells = [this](std::string_view quoted) {
        return std::any_of(pieces_.begin(), pieces_.end(), [=](const std::string& piece) {
            return quoted.find(piece) != std::string_view::npos;
        });
    };
    std::string clean;
    for (bool is_quoted = false;; is_quoted = !is_quoted) {
        const auto end = text.find('"');
        const auto part = text.substr(0, end);
        clean += is_quoted && tells(part) ? stars : part;
        if (end == std::string_view::npos) {
            break;
        }
        clean += '"';
        text.remove_prefix(end + 1);
    }
    for (const std::string& piece : pieces_) {
        for (auto at = piece.size() < least ? std::string::npos : clean.find(piece); at != std::string::npos;
             at = clean.find(piece, at + stars.size())) {
            clean.replace(at, piece.size(), stars);
        }
    }
    return clean;
}

} // namespace pglock
