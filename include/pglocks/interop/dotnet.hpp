// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/sha1.hpp>
#include <pglocks/interop/utf8_names.hpp>
#include <pglocks/key.hpp>
#include <pglocks/policy/hash.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pglocks::interop {

/// The keys of .NET's DistributedLock.Postgres, of both key spaces; the first form that fits a name counts.
///
/// 1. At most nine ASCII characters are packed into a pair: seven bits each, a zero bit, and ones for the
///    rest. No two such names share a key.
/// 2. Sixteen hexadecimal digits are the integer itself.
/// 3. Twice eight hexadecimal digits with a comma between them are the pair itself.
/// 4. Of every other name, the first eight bytes of SHA-1, little-endian, are an integer. There .NET wants
///    `allowHashing: true`, which `PostgresDistributedSynchronizationProvider` gives.
///
/// Source: DistributedLock.Postgres 1.1.0, src/DistributedLock.Postgres/PostgresAdvisoryLockKey.cs.
struct distributed_lock : detail::utf8_names {
    static constexpr std::string_view summary = ".NET DistributedLock";

    [[nodiscard]] static constexpr lock_key key_of(std::string_view name) noexcept {
        if (is_short_ascii(name)) {
            return lock_key::from_bits(packed(name), key_space::integer_pair);
        }
        if (const auto bits = hexadecimal(name)) {
            return lock_key::from_bits(*bits, name.size() == 2 * half_size ? key_space::bigint
                                                                           : key_space::integer_pair);
        }
        return static_cast<std::int64_t>(digest::load_little_u64(digest::sha1(name).data()));
    }

private:
    static constexpr std::size_t longest_ascii = 9;
    static constexpr std::size_t half_size = 8;

    [[nodiscard]] static constexpr bool is_short_ascii(std::string_view name) noexcept {
        for (const char character : name) {
            if (static_cast<unsigned char>(character) > 0x7f) {
                return false;
            }
        }
        return name.size() <= longest_ascii;
    }

    [[nodiscard]] static constexpr std::int64_t packed(std::string_view name) noexcept {
        std::uint64_t bits = 0;
        for (const char character : name) {
            bits = bits << 7 | static_cast<unsigned char>(character);
        }
        bits <<= 1;
        for (std::size_t missing = name.size(); missing != longest_ascii; ++missing) {
            bits = bits << 7 | 0x7f;
        }
        return static_cast<std::int64_t>(bits);
    }

    /// The value of `XXXXXXXXXXXXXXXX` or `XXXXXXXX,XXXXXXXX`; empty for any other name.
    [[nodiscard]] static constexpr std::optional<std::int64_t> hexadecimal(std::string_view name) noexcept {
        const bool separated = name.size() == 2 * half_size + 1 && name[half_size] == ',';
        if (!separated && name.size() != 2 * half_size) {
            return std::nullopt;
        }
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i != name.size(); ++i) {
            if (separated && i == half_size) {
                continue;
            }
            constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
            const auto digit = digits.find(name[i]);
            if (digit == std::string_view::npos) {
                return std::nullopt;
            }
            bits = bits << 4 | (digit & 0xf);
        }
        return static_cast<std::int64_t>(bits);
    }
};

} // namespace pglocks::interop
