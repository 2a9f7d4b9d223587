// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string_view>

namespace pglocks::digest {

/// Computes the 32-bit FNV-1 hash (Fowler, Noll, Vo): first the multiplication, then the exclusive or.
///
/// *Source*: RFC 9923; offset basis 2166136261, prime 2^24 + 2^8 + 0x93. Not a cryptographic hash.
[[nodiscard]] constexpr std::uint32_t fnv1_32(std::string_view bytes) noexcept {
    std::uint32_t hash = 0x811c'9dc5;
    for (const char byte : bytes) {
        hash *= 0x0100'0193;
        hash ^= static_cast<unsigned char>(byte);
    }
    return hash;
}

/// Computes the 64-bit FNV-1 hash: first the multiplication, then the exclusive or.
///
/// *Source*: RFC 9923; offset basis and prime as those of `fnv1a_64`. Not a cryptographic hash.
[[nodiscard]] constexpr std::uint64_t fnv1_64(std::string_view bytes) noexcept {
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
    for (const char byte : bytes) {
        hash *= 0x0000'0100'0000'01b3;
        hash ^= static_cast<unsigned char>(byte);
    }
    return hash;
}

/// Computes the 64-bit FNV-1a hash (Fowler, Noll, Vo): first the exclusive or, then the multiplication.
///
/// *Source*: RFC 9923; offset basis 14695981039346656037, prime 2^40 + 2^8 + 0xb3. Not a cryptographic hash:
/// names with a wanted value are easily made.
[[nodiscard]] constexpr std::uint64_t fnv1a_64(std::string_view bytes) noexcept {
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
    for (const char byte : bytes) {
        hash ^= static_cast<unsigned char>(byte);
        hash *= 0x0000'0100'0000'01b3;
    }
    return hash;
}

} // namespace pglocks::digest
