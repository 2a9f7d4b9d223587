// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pglocks::digest {

namespace detail {

/// A character and the number of its bytes; no bytes if what stands there is not UTF-8.
struct utf8_character {
    std::uint32_t code_point;
    std::size_t size;
};

/// Decodes the first character of `bytes`, which are not empty.
[[nodiscard]] constexpr utf8_character first_utf8_character(std::string_view bytes) noexcept {
    const auto lead = static_cast<unsigned char>(bytes.front());
    if (lead < 0x80) {
        return {.code_point = lead, .size = 1};
    }
    const std::size_t size = lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
    constexpr utf8_character malformed{.code_point = 0, .size = 0};
    if (size == 0 || size > bytes.size()) {
        return malformed;
    }
    std::uint32_t code_point = lead & (0xffU >> (size + 1));
    for (std::size_t i = 1; i != size; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        if ((byte & 0xc0U) != 0x80) {
            return malformed;
        }
        code_point = code_point << 6 | (byte & 0x3fU);
    }
    constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x1'0000};
    const bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    return code_point < least[size] || is_surrogate || code_point > 0x10'ffff
               ? malformed
               : utf8_character{.code_point = code_point, .size = size};
}

} // namespace detail

/// Whether the bytes are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
///
/// *Source*: RFC 3629, section 3.
[[nodiscard]] constexpr bool is_utf8(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const std::size_t size = detail::first_utf8_character(bytes).size;
        if (size == 0) {
            return false;
        }
        bytes.remove_prefix(size);
    }
    return true;
}

/// Calls `f` with each UTF-16 code unit of a text in UTF-8, as a `std::uint16_t`.
///
/// *Requires*: `is_utf8(text)`. A byte that is none becomes U+FFFD.
///
/// *Source*: RFC 2781, section 2.1.
template <class F>
constexpr void for_each_utf16_unit(std::string_view text, const F& f) {
    while (!text.empty()) {
        const auto [code_point, size] = detail::first_utf8_character(text);
        if (size == 0) {
            f(std::uint16_t{0xfffd});
            text.remove_prefix(1);
            continue;
        }
        if (code_point < 0x1'0000) {
            f(static_cast<std::uint16_t>(code_point));
        } else {
            f(static_cast<std::uint16_t>(0xd800 + ((code_point - 0x1'0000) >> 10)));
            f(static_cast<std::uint16_t>(0xdc00 + ((code_point - 0x1'0000) & 0x3ff)));
        }
        text.remove_prefix(size);
    }
}

} // namespace pglocks::digest
