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

/// A SipHash key: the two halves of its sixteen bytes, each read least significant byte first.
struct siphash_key {
    std::uint64_t k0; ///< of the first eight bytes
    std::uint64_t k1; ///< of the last eight

    friend constexpr bool operator==(const siphash_key&, const siphash_key&) = default;
};

/// Splits a key of sixteen bytes, the form in which other implementations take it, into its halves.
///
/// *Source*: the SipHash paper, section 2.1, "Initialization".
[[nodiscard]] constexpr siphash_key make_siphash_key(const std::array<std::uint8_t, 16>& bytes) noexcept {
    return {.k0 = load_little_u64(bytes.data()), .k1 = load_little_u64(bytes.data() + 8)};
}

namespace detail {

/// The four words of SipHash's internal state, and what is done to them.
struct siphash_state {
    std::uint64_t v0;
    std::uint64_t v1;
    std::uint64_t v2;
    std::uint64_t v3;

    constexpr void round() noexcept {
        v0 += v1;
        v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = std::rotl(v1, 17) ^ v2;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 = std::rotl(v2, 32);
    }

    constexpr void compress(std::uint64_t word) noexcept {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

} // namespace detail

/// Computes SipHash-2-4, a keyed hash: who does not know the key cannot choose names that collide.
///
/// The 64-bit result is the paper's integer, which other implementations write out least significant byte
/// first.
///
/// *Source*: J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF" (INDOCRYPT 2012),
/// section 2.
[[nodiscard]] constexpr std::uint64_t siphash_2_4(std::uint64_t k0, std::uint64_t k1,
                                                  std::string_view bytes) noexcept {
    constexpr std::size_t word_size = 8;
    const std::uint64_t length_byte = std::uint64_t{bytes.size() & 0xff} << 56;
    // ASCII "somepseudorandomlygeneratedbytes".
    detail::siphash_state state{.v0 = k0 ^ 0x736f'6d65'7073'6575,
                                .v1 = k1 ^ 0x646f'7261'6e64'6f6d,
                                .v2 = k0 ^ 0x6c79'6765'6e65'7261,
                                .v3 = k1 ^ 0x7465'6462'7974'6573};
    for (; bytes.size() >= word_size; bytes.remove_prefix(word_size)) {
        const char* const word = bytes.data();
        state.compress(load_little_u64(word));
    }
    std::array<char, word_size> last{};
    std::copy(bytes.begin(), bytes.end(), last.begin());
    state.compress(length_byte | load_little_u64(last.data()));
    state.v2 ^= 0xff;
    for (int finalization = 0; finalization != 4; ++finalization) {
        state.round();
    }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

} // namespace pglocks::digest
