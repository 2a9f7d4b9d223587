// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <charconv>
#include <compare>
#include <concepts>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>

namespace pglocks {

namespace detail {

template <class T>
concept character_or_bool =
    std::same_as<T, bool> || std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
    std::same_as<T, char16_t> || std::same_as<T, char32_t>;

/// An integer of which every value fits a signed one of `Bytes` bytes.
template <class T, std::size_t Bytes>
concept fits_signed = std::integral<T> && !character_or_bool<T> &&
                      (std::signed_integral<T> ? sizeof(T) <= Bytes : sizeof(T) < Bytes);

} // namespace detail

namespace rule {

/// A bigint key is an integer type that fits a signed 64-bit one: no `bool`, no character, no unsigned 64-bit
/// type.
template <class T>
concept key_integer = detail::fits_signed<T, 8>;

/// Half of a pair key is an integer type that fits a signed 32-bit one.
template <class T>
concept key_half = detail::fits_signed<T, 4>;

} // namespace rule

/// The two key spaces of PostgreSQL's advisory locks, which never overlap (manual, 9.27.10 and 13.3.5).
enum class key_space : std::uint8_t {
    bigint,      ///< one `bigint`: `pg_advisory_lock(key)`
    integer_pair ///< two `integer`s: `pg_advisory_lock(key1, key2)`
};

/// What an advisory lock is taken on: one signed 64-bit integer, or a pair of signed 32-bit integers.
class lock_key {
public:
    /// Makes a key of the `bigint` space.
    constexpr lock_key(rule::key_integer auto value) noexcept : bits_(static_cast<std::int64_t>(value)) {}

    /// Makes a key of the `(integer, integer)` space.
    constexpr lock_key(rule::key_half auto first, rule::key_half auto second) noexcept
        : bits_(join(static_cast<std::int32_t>(first), static_cast<std::int32_t>(second))),
          space_(key_space::integer_pair) {}

    // clang-format off
    template <class T> requires std::is_arithmetic_v<T> && (!rule::key_integer<T>) lock_key(T) = delete; // pglocks: a key is a signed integer of at most 64 bits, or a pair of std::int32_t: cast it where you know that it fits
    template <class T, class U> requires std::is_arithmetic_v<T> && std::is_arithmetic_v<U> && (!(rule::key_half<T> && rule::key_half<U>)) lock_key(T, U) = delete; // pglocks: each half of a pair key is a signed integer of at most 32 bits: cast it where you know that it fits
    // clang-format on

    /// Which of the two spaces it is of.
    [[nodiscard]] constexpr key_space space() const noexcept { return space_; }
    /// Whether it is a pair.
    [[nodiscard]] constexpr bool is_pair() const noexcept { return space_ == key_space::integer_pair; }

    /// The 64 bits of the key: the `bigint` itself, or the first integer of a pair above the second.
    [[nodiscard]] constexpr std::int64_t bits() const noexcept { return bits_; }

    /// The first integer of a pair; the upper half of a `bigint`.
    [[nodiscard]] constexpr std::int32_t first() const noexcept {
        return static_cast<std::int32_t>(bits_ >> 32);
    }
    /// The second integer of a pair; the lower half of a `bigint`.
    [[nodiscard]] constexpr std::int32_t second() const noexcept { return static_cast<std::int32_t>(bits_); }

    /// `pg_locks.classid` of this key: the upper half, unsigned.
    [[nodiscard]] constexpr std::uint32_t classid() const noexcept {
        return static_cast<std::uint32_t>(first());
    }
    /// `pg_locks.objid` of this key: the lower half, unsigned.
    [[nodiscard]] constexpr std::uint32_t objid() const noexcept {
        return static_cast<std::uint32_t>(second());
    }
    /// `pg_locks.objsubid` of this key: 1 for a `bigint`, 2 for a pair.
    [[nodiscard]] constexpr std::uint16_t objsubid() const noexcept { return is_pair() ? 2 : 1; }

    /// Makes a key from its columns in `pg_locks`; empty if `objsubid` is neither 1 nor 2.
    [[nodiscard]] static constexpr std::optional<lock_key>
    from_pg_locks(std::uint32_t classid, std::uint32_t objid, std::uint16_t objsubid) noexcept {
        const auto bits = join(static_cast<std::int32_t>(classid), static_cast<std::int32_t>(objid));
        switch (objsubid) {
        case 1:
            return lock_key(bits);
        case 2:
            return from_bits(bits, key_space::integer_pair);
        default:
            return std::nullopt;
        }
    }

    /// Makes a key from `bits()` and `space()`.
    [[nodiscard]] static constexpr lock_key from_bits(std::int64_t bits, key_space space) noexcept {
        lock_key key(bits);
        key.space_ = space;
        return key;
    }

    /// Orders by key space, then by value: one order for every program that takes several locks.
    friend constexpr std::strong_ordering operator<=>(lock_key a, lock_key b) noexcept {
        if (const auto by_space = a.space_ <=> b.space_; by_space != 0) {
            return by_space;
        }
        return a.bits_ <=> b.bits_;
    }
    friend constexpr bool operator==(lock_key, lock_key) noexcept = default;

private:
    static constexpr std::int64_t join(std::int32_t high, std::int32_t low) noexcept {
        return std::bit_cast<std::int64_t>(std::uint64_t{static_cast<std::uint32_t>(high)} << 32 |
                                           static_cast<std::uint32_t>(low));
    }

    std::int64_t bits_;
    key_space space_ = key_space::bigint;
};

/// The key as PostgreSQL shows it in `pg_locks`: `classid=0 objid=42 objsubid=1`, all unsigned.
[[nodiscard]] inline std::string to_string(lock_key key) {
    return "classid=" + std::to_string(key.classid()) + " objid=" + std::to_string(key.objid()) +
           " objsubid=" + std::to_string(key.objsubid());
}

/// The key as the SQL functions take it: `42`, or `1, 2` for a pair, signed.
[[nodiscard]] inline std::string to_sql(lock_key key) {
    return key.is_pair() ? std::to_string(key.first()) + ", " + std::to_string(key.second())
                         : std::to_string(key.bits());
}

/// Prints `to_string(key)`.
inline std::ostream& operator<<(std::ostream& out, lock_key key) { return out << to_string(key); }

/// Reads what `to_string(lock_key)` prints; empty for any other text.
[[nodiscard]] inline std::optional<lock_key> parse_key(std::string_view text) noexcept {
    const auto number = [&](std::string_view label, auto& value) {
        if (!text.starts_with(label)) {
            return false;
        }
        text.remove_prefix(label.size());
        if (text.starts_with('0') && text.size() > 1 && text[1] != ' ') {
            return false; // a leading zero is never printed
        }
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        return error == std::errc();
    };
    std::uint32_t classid = 0;
    std::uint32_t objid = 0;
    std::uint16_t objsubid = 0;
    if (!number("classid=", classid) || !number(" objid=", objid) || !number(" objsubid=", objsubid) ||
        !text.empty()) {
        return std::nullopt;
    }
    return lock_key::from_pg_locks(classid, objid, objsubid);
}

} // namespace pglocks
