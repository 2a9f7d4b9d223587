// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pglocks::digest {

namespace detail {

/// The CRCs of all single bytes, for the reflected polynomial 0xedb88320.
inline constexpr std::array<std::uint32_t, 256> crc32_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte != table.size(); ++byte) {
        std::uint32_t remainder = byte;
        for (int bit = 0; bit != 8; ++bit) {
            remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0xedb8'8320U : 0U);
        }
        table[byte] = remainder;
    }
    return table;
}();

} // namespace detail

/// Computes the CRC-32 of zlib, gzip, PNG and Ethernet.
///
/// With `so_far`, the result is that of the bytes whose CRC-32 it is, followed by these.
///
/// *Source*: CRC-32/ISO-HDLC of the Catalogue of parametrised CRC algorithms (polynomial 0x04c11db7
/// reflected, initial value and final exclusive or 0xffffffff, check value 0xcbf43926); equal to zlib's
/// `crc32` and to RFC 1952, section 8. A checksum and no cryptographic hash: names with a wanted value are
/// easily made.
[[nodiscard]] constexpr std::uint32_t crc32(std::string_view bytes, std::uint32_t so_far = 0) noexcept {
    std::uint32_t remainder = ~so_far;
    for (const char byte : bytes) {
        remainder =
            (remainder >> 8) ^ detail::crc32_table[(remainder ^ static_cast<unsigned char>(byte)) & 0xff];
    }
    return ~remainder;
}

} // namespace pglocks::digest
