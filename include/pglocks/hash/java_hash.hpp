// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/utf8.hpp>

#include <bit>
#include <cstdint>
#include <string_view>

namespace pglocks::digest {

/// Computes Java's `String.hashCode()` of a text in UTF-8: 31 times the sum so far plus the next UTF-16 unit.
///
/// *Requires*: `is_utf8(text)`.
///
/// *Source*: the Java SE 17 API Specification, `java.lang.String.hashCode`, which promises this formula.
[[nodiscard]] constexpr std::int32_t java_string_hash(std::string_view text) noexcept {
    std::uint32_t hash = 0;
    for_each_utf16_unit(text, [&hash](std::uint16_t unit) noexcept { hash = 31 * hash + unit; });
    return std::bit_cast<std::int32_t>(hash);
}

} // namespace pglocks::digest
