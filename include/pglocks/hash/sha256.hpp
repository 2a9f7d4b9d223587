// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pglocks::digest {

namespace detail {

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4,
/// section 4.2.2).
inline constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a'2f98, 0x7137'4491, 0xb5c0'fbcf, 0xe9b5'dba5, 0x3956'c25b, 0x59f1'11f1, 0x923f'82a4, 0xab1c'5ed5,
    0xd807'aa98, 0x1283'5b01, 0x2431'85be, 0x550c'7dc3, 0x72be'5d74, 0x80de'b1fe, 0x9bdc'06a7, 0xc19b'f174,
    0xe49b'69c1, 0xefbe'4786, 0x0fc1'9dc6, 0x240c'a1cc, 0x2de9'2c6f, 0x4a74'84aa, 0x5cb0'a9dc, 0x76f9'88da,
    0x983e'5152, 0xa831'c66d, 0xb003'27c8, 0xbf59'7fc7, 0xc6e0'0bf3, 0xd5a7'9147, 0x06ca'6351, 0x1429'2967,
    0x27b7'0a85, 0x2e1b'2138, 0x4d2c'6dfc, 0x5338'0d13, 0x650a'7354, 0x766a'0abb, 0x81c2'c92e, 0x9272'2c85,
    0xa2bf'e8a1, 0xa81a'664b, 0xc24b'8b70, 0xc76c'51a3, 0xd192'e819, 0xd699'0624, 0xf40e'3585, 0x106a'a070,
    0x19a4'c116, 0x1e37'6c08, 0x2748'774c, 0x34b0'bcb5, 0x391c'0cb3, 0x4ed8'aa4a, 0x5b9c'ca4f, 0x682e'6ff3,
    0x748f'82ee, 0x78a5'636f, 0x84c8'7814, 0x8cc7'0208, 0x90be'fffa, 0xa450'6ceb, 0xbef9'a3f7, 0xc671'78f2,
};

/// Updates the hash value with one block of 64 bytes (FIPS 180-4, section 6.2.2).
constexpr void sha256_compress(std::array<std::uint32_t, 8>& hash, const char* block) noexcept {
    std::array<std::uint32_t, 64> schedule{};
    for (std::size_t t = 0; t != 16; ++t) {
        schedule[t] = load_big_u32(block + 4 * t);
    }
    for (std::size_t t = 16; t != 64; ++t) {
        const std::uint32_t w2 = schedule[t - 2];
        const std::uint32_t w15 = schedule[t - 15];
        const std::uint32_t sigma0 = std::rotr(w15, 7) ^ std::rotr(w15, 18) ^ (w15 >> 3);
        const std::uint32_t sigma1 = std::rotr(w2, 17) ^ std::rotr(w2, 19) ^ (w2 >> 10);
        schedule[t] = sigma1 + schedule[t - 7] + sigma0 + schedule[t - 16];
    }
    auto [a, b, c, d, e, f, g, h] = hash;
    for (std::size_t t = 0; t != 64; ++t) {
        const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const std::uint32_t choice = (e & f) ^ (~e & g);
        const std::uint32_t temporary1 = h + sum1 + choice + sha256_constants[t] + schedule[t];
        const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        const std::uint32_t temporary2 = sum0 + majority;
        h = g;
        g = f;
        f = e;
        e = d + temporary1;
        d = c;
        c = b;
        b = a;
        a = temporary1 + temporary2;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
    hash[5] += f;
    hash[6] += g;
    hash[7] += h;
}

} // namespace detail

/// Computes the SHA-256 digest.
///
/// At compile time, one constant expression can hash 7,799 bytes, or 110 names of at most 55 bytes, before it
/// meets the default limit of clang 14 and 19 (`-fconstexpr-steps`; 41,207 bytes with g++ 12): give each of
/// many names a constant of its own.
///
/// *Source*: FIPS 180-4, sections 5 and 6.2.
[[nodiscard]] constexpr std::array<std::uint8_t, 32> sha256(std::string_view bytes) noexcept {
    constexpr std::size_t block_size = 64;
    constexpr std::size_t length_size = 8;
    const std::uint64_t length_in_bits = std::uint64_t{bytes.size()} * 8;
    // The first 32 bits of the fractional parts of the square roots of the first eight primes.
    std::array<std::uint32_t, 8> hash{0x6a09'e667, 0xbb67'ae85, 0x3c6e'f372, 0xa54f'f53a,
                                      0x510e'527f, 0x9b05'688c, 0x1f83'd9ab, 0x5be0'cd19};
    for (; bytes.size() >= block_size; bytes.remove_prefix(block_size)) {
        const char* const block = bytes.data();
        detail::sha256_compress(hash, block);
    }
    // The padding: a one bit, zeros, and the length at the end of this block, or of the next for want of
    // room.
    std::array<char, 2 * block_size> last{};
    std::copy(bytes.begin(), bytes.end(), last.begin());
    last[bytes.size()] = '\x80';
    const std::size_t end = bytes.size() < block_size - length_size ? block_size : 2 * block_size;
    store_big_u64(length_in_bits, last.data() + end - length_size);
    for (std::size_t begin = 0; begin != end; begin += block_size) {
        detail::sha256_compress(hash, last.data() + begin);
    }
    std::array<std::uint8_t, 32> digest{};
    for (std::size_t word = 0; word != hash.size(); ++word) {
        store_big_u32(hash[word], digest.data() + 4 * word);
    }
    return digest;
}

} // namespace pglocks::digest
