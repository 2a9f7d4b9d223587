// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

/// Hash functions and byte-order helpers, usable at compile time: the material of hash policies, built-in and
/// a user's own. They see a name as the sequence of its bytes, never as text in some encoding, and give the
/// same result on every host, whatever its byte order and whether its `char` is signed.
namespace pglocks::digest {

/// The types through which C++ lets an object's bytes be read: what names and digests are made of.
template <class T>
concept byte_like = std::same_as<T, char> || std::same_as<T, unsigned char> || std::same_as<T, std::byte>;

/// Reads an unsigned 32-bit integer, least significant byte first.
///
/// *Requires*: four readable bytes at `from`; no alignment.
template <byte_like Byte>
[[nodiscard]] constexpr std::uint32_t load_little_u32(const Byte* from) noexcept {
    return std::uint32_t{static_cast<unsigned char>(from[0])} |
           std::uint32_t{static_cast<unsigned char>(from[1])} << 8 |
           std::uint32_t{static_cast<unsigned char>(from[2])} << 16 |
           std::uint32_t{static_cast<unsigned char>(from[3])} << 24;
}

/// Reads an unsigned 32-bit integer, most significant byte first.
///
/// *Requires*: four readable bytes at `from`; no alignment.
template <byte_like Byte>
[[nodiscard]] constexpr std::uint32_t load_big_u32(const Byte* from) noexcept {
    return std::uint32_t{static_cast<unsigned char>(from[0])} << 24 |
           std::uint32_t{static_cast<unsigned char>(from[1])} << 16 |
           std::uint32_t{static_cast<unsigned char>(from[2])} << 8 |
           std::uint32_t{static_cast<unsigned char>(from[3])};
}

/// Reads an unsigned 64-bit integer, least significant byte first.
///
/// *Requires*: eight readable bytes at `from`; no alignment.
template <byte_like Byte>
[[nodiscard]] constexpr std::uint64_t load_little_u64(const Byte* from) noexcept {
    return std::uint64_t{load_little_u32(from)} | std::uint64_t{load_little_u32(from + 4)} << 32;
}

/// Reads an unsigned 64-bit integer, most significant byte first.
///
/// *Requires*: eight readable bytes at `from`; no alignment.
template <byte_like Byte>
[[nodiscard]] constexpr std::uint64_t load_big_u64(const Byte* from) noexcept {
    return std::uint64_t{load_big_u32(from)} << 32 | std::uint64_t{load_big_u32(from + 4)};
}

/// Writes an unsigned 32-bit integer, most significant byte first.
///
/// *Requires*: four writable bytes at `to`; no alignment.
template <byte_like Byte>
constexpr void store_big_u32(std::uint32_t value, Byte* to) noexcept {
    to[0] = static_cast<Byte>(value >> 24 & 0xff);
    to[1] = static_cast<Byte>(value >> 16 & 0xff);
    to[2] = static_cast<Byte>(value >> 8 & 0xff);
    to[3] = static_cast<Byte>(value & 0xff);
}

/// Writes an unsigned 64-bit integer, most significant byte first.
///
/// *Requires*: eight writable bytes at `to`; no alignment.
template <byte_like Byte>
constexpr void store_big_u64(std::uint64_t value, Byte* to) noexcept {
    store_big_u32(static_cast<std::uint32_t>(value >> 32), to);
    store_big_u32(static_cast<std::uint32_t>(value & 0xffff'ffff), to + 4);
}

/// Writes an unsigned 32-bit integer, least significant byte first.
///
/// *Requires*: four writable bytes at `to`; no alignment.
template <byte_like Byte>
constexpr void store_little_u32(std::uint32_t value, Byte* to) noexcept {
    to[0] = static_cast<Byte>(value & 0xff);
    to[1] = static_cast<Byte>(value >> 8 & 0xff);
    to[2] = static_cast<Byte>(value >> 16 & 0xff);
    to[3] = static_cast<Byte>(value >> 24 & 0xff);
}

/// Writes an unsigned 64-bit integer, least significant byte first.
///
/// *Requires*: eight writable bytes at `to`; no alignment.
template <byte_like Byte>
constexpr void store_little_u64(std::uint64_t value, Byte* to) noexcept {
    store_little_u32(static_cast<std::uint32_t>(value & 0xffff'ffff), to);
    store_little_u32(static_cast<std::uint32_t>(value >> 32), to + 4);
}

} // namespace pglocks::digest
