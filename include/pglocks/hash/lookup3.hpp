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

/// The three words that Jenkins' lookup3 mixes, and its two mixing functions.
struct lookup3_state {
    std::uint32_t a;
    std::uint32_t b;
    std::uint32_t c;

    constexpr void mix() noexcept {
        a -= c;
        a ^= std::rotl(c, 4);
        c += b;
        b -= a;
        b ^= std::rotl(a, 6);
        a += c;
        c -= b;
        c ^= std::rotl(b, 8);
        b += a;
        a -= c;
        a ^= std::rotl(c, 16);
        c += b;
        b -= a;
        b ^= std::rotl(a, 19);
        a += c;
        c -= b;
        c ^= std::rotl(b, 4);
        b += a;
    }

    constexpr void mix_finally() noexcept {
        c ^= b;
        c -= std::rotl(b, 14);
        a ^= c;
        a -= std::rotl(c, 11);
        b ^= a;
        b -= std::rotl(a, 25);
        c ^= b;
        c -= std::rotl(b, 16);
        a ^= c;
        a -= std::rotl(c, 4);
        b ^= a;
        b -= std::rotl(a, 14);
        c ^= b;
        c -= std::rotl(b, 24);
    }
};

} // namespace detail

/// Computes PostgreSQL's 64-bit hash of a byte sequence; `seed` 0 means no seed.
///
/// As a signed integer it is what `hashtextextended(name collate "C", seed)` answers in a database whose
/// encoding the bytes are in, on a little-endian server.
///
/// *Source*: `hash_bytes_extended` of PostgreSQL's `src/common/hashfn.c`, made from Bob Jenkins' lookup3.
/// PostgreSQL promises this value to nobody, but cannot change it without breaking hash-partitioned tables
/// and `pg_upgrade` of hash indexes.
[[nodiscard]] constexpr std::uint64_t postgres_hash_bytes_extended(std::string_view bytes,
                                                                   std::uint64_t seed) noexcept {
    constexpr std::size_t block_size = 12;
    const std::uint32_t start = 0x9e37'79b9U + 3'923'095U + static_cast<std::uint32_t>(bytes.size());
    detail::lookup3_state state{.a = start, .b = start, .c = start};
    if (seed != 0) {
        state.a += static_cast<std::uint32_t>(seed >> 32);
        state.b += static_cast<std::uint32_t>(seed & 0xffff'ffff);
        state.mix();
    }
    for (; bytes.size() >= block_size; bytes.remove_prefix(block_size)) {
        const char* const block = bytes.data();
        state.a += load_little_u32(block);
        state.b += load_little_u32(block + 4);
        state.c += load_little_u32(block + 8);
        state.mix();
    }
    // At most eleven bytes are left: the lowest byte of c stays free, and bytes that are absent add nothing.
    std::array<char, block_size> last{};
    std::copy(bytes.begin(), bytes.end(), last.begin());
    state.a += load_little_u32(last.data());
    state.b += load_little_u32(last.data() + 4);
    state.c += load_little_u32(last.data() + 8) << 8;
    state.mix_finally();
    return std::uint64_t{state.b} << 32 | state.c;
}

/// Computes PostgreSQL's 32-bit hash of a byte sequence.
///
/// As a signed integer it is what `hashtext(name collate "C")` answers, under the conditions of
/// `postgres_hash_bytes_extended`, of which it is the low half without a seed.
///
/// *Source*: `hash_bytes` of PostgreSQL's `src/common/hashfn.c`.
[[nodiscard]] constexpr std::uint32_t postgres_hash_bytes(std::string_view bytes) noexcept {
    return static_cast<std::uint32_t>(postgres_hash_bytes_extended(bytes, 0) & 0xffff'ffff);
}

} // namespace pglocks::digest
