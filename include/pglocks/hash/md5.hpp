// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/block_stream.hpp>
#include <pglocks/hash/bytes.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pglocks::digest {

namespace detail {

/// The integer parts of 2^32 times the absolute values of the sines of 1 to 64 (RFC 1321, section 3.4).
inline constexpr std::array<std::uint32_t, 64> md5_constants{
    0xd76a'a478, 0xe8c7'b756, 0x2420'70db, 0xc1bd'ceee, 0xf57c'0faf, 0x4787'c62a, 0xa830'4613, 0xfd46'9501,
    0x6980'98d8, 0x8b44'f7af, 0xffff'5bb1, 0x895c'd7be, 0x6b90'1122, 0xfd98'7193, 0xa679'438e, 0x49b4'0821,
    0xf61e'2562, 0xc040'b340, 0x265e'5a51, 0xe9b6'c7aa, 0xd62f'105d, 0x0244'1453, 0xd8a1'e681, 0xe7d3'fbc8,
    0x21e1'cde6, 0xc337'07d6, 0xf4d5'0d87, 0x455a'14ed, 0xa9e3'e905, 0xfcef'a3f8, 0x676f'02d9, 0x8d2a'4c8a,
    0xfffa'3942, 0x8771'f681, 0x6d9d'6122, 0xfde5'380c, 0xa4be'ea44, 0x4bde'cfa9, 0xf6bb'4b60, 0xbebf'bc70,
    0x289b'7ec6, 0xeaa1'27fa, 0xd4ef'3085, 0x0488'1d05, 0xd9d4'd039, 0xe6db'99e5, 0x1fa2'7cf8, 0xc4ac'5665,
    0xf429'2244, 0x432a'ff97, 0xab94'23a7, 0xfc93'a039, 0x655b'59c3, 0x8f0c'cc92, 0xffef'f47d, 0x8584'5dd1,
    0x6fa8'7e4f, 0xfe2c'e6e0, 0xa301'4314, 0x4e08'11a1, 0xf753'7e82, 0xbd3a'f235, 0x2ad7'd2bb, 0xeb86'd391,
};

/// MD5's state, as `block_stream` needs it.
struct md5_state {
    static constexpr bool length_is_big_endian = false;

    std::array<std::uint32_t, 4> hash{0x6745'2301, 0xefcd'ab89, 0x98ba'dcfe, 0x1032'5476};

    /// Updates the hash with one block of 64 bytes (RFC 1321, section 3.4).
    constexpr void compress(const char* block) noexcept {
        constexpr std::array<std::array<int, 4>, 4> rotations{
            {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
        auto [a, b, c, d] = hash;
        for (std::size_t step = 0; step != 64; ++step) {
            const std::size_t round = step / 16;
            const std::uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                                        : round == 1 ? (b & d) | (c & ~d)
                                        : round == 2 ? b ^ c ^ d
                                                     : c ^ (b | ~d);
            const std::size_t word = round == 0   ? step
                                     : round == 1 ? (5 * step + 1) % 16
                                     : round == 2 ? (3 * step + 5) % 16
                                                  : 7 * step % 16;
            const std::uint32_t sum = a + mixed + md5_constants[step] + load_little_u32(block + 4 * word);
            a = d;
            d = c;
            c = b;
            b += std::rotl(sum, rotations[round][step % 4]);
        }
        hash[0] += a;
        hash[1] += b;
        hash[2] += c;
        hash[3] += d;
    }
};

} // namespace detail

/// Computes the MD5 digest: for the keys of others alone, since two names with one digest are easily made.
///
/// *Source*: RFC 1321.
[[nodiscard]] constexpr std::array<std::uint8_t, 16> md5(std::string_view bytes) noexcept {
    detail::block_stream<detail::md5_state> stream;
    stream.update(bytes.data(), bytes.size());
    const auto hash = stream.finish().hash;
    std::array<std::uint8_t, 16> digest{};
    for (std::size_t word = 0; word != hash.size(); ++word) {
        store_little_u32(hash[word], digest.data() + 4 * word);
    }
    return digest;
}

} // namespace pglocks::digest
