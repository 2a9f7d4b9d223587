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

/// SHA-1's state, as `block_stream` needs it.
struct sha1_state {
    static constexpr bool length_is_big_endian = true;

    std::array<std::uint32_t, 5> hash{0x6745'2301, 0xefcd'ab89, 0x98ba'dcfe, 0x1032'5476, 0xc3d2'e1f0};

    /// Updates the hash with one block of 64 bytes (FIPS 180-4, section 6.1.2).
    constexpr void compress(const char* block) noexcept {
        std::array<std::uint32_t, 80> schedule{};
        for (std::size_t t = 0; t != 16; ++t) {
            schedule[t] = load_big_u32(block + 4 * t);
        }
        for (std::size_t t = 16; t != 80; ++t) {
            schedule[t] =
                std::rotl(schedule[t - 3] ^ schedule[t - 8] ^ schedule[t - 14] ^ schedule[t - 16], 1);
        }
        constexpr std::array<std::uint32_t, 4> constants{0x5a82'7999, 0x6ed9'eba1, 0x8f1b'bcdc, 0xca62'c1d6};
        auto [a, b, c, d, e] = hash;
        for (std::size_t t = 0; t != 80; ++t) {
            const std::size_t part = t / 20;
            const std::uint32_t mixed = part == 0   ? (b & c) ^ (~b & d)
                                        : part == 2 ? (b & c) ^ (b & d) ^ (c & d)
                                                    : b ^ c ^ d;
            const std::uint32_t temporary = std::rotl(a, 5) + mixed + e + constants[part] + schedule[t];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = temporary;
        }
        hash[0] += a;
        hash[1] += b;
        hash[2] += c;
        hash[3] += d;
        hash[4] += e;
    }
};

} // namespace detail

/// Computes the SHA-1 digest of `first` followed by `second`: for the keys of others alone, since two names
/// with one digest can be made.
///
/// *Source*: FIPS 180-4, sections 5 and 6.1.
[[nodiscard]] constexpr std::array<std::uint8_t, 20> sha1(std::string_view first,
                                                          std::string_view second = {}) noexcept {
    detail::block_stream<detail::sha1_state> stream;
    stream.update(first.data(), first.size());
    stream.update(second.data(), second.size());
    const auto hash = stream.finish().hash;
    std::array<std::uint8_t, 20> digest{};
    for (std::size_t word = 0; word != hash.size(); ++word) {
        store_big_u32(hash[word], digest.data() + 4 * word);
    }
    return digest;
}

} // namespace pglocks::digest
