// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

namespace pglocks {

/// A string literal as a template argument.
template <std::size_t N>
struct fixed_string {
    char text[N]{}; ///< the characters and the NUL that ends them

    /// Copies the literal.
    consteval fixed_string(const char (&literal)[N]) {
        for (std::size_t i = 0; i < N; ++i) {
            text[i] = literal[i];
        }
    }

    static constexpr std::size_t size = N - 1; ///< of the text, without the NUL
    /// The text, without the NUL.
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text, size}; }
};

/// A lock name known at compile time: its key is computed there, and later errors of the lock can still name
/// it.
template <fixed_string Name>
struct name_constant {
    static constexpr std::string_view value = Name.view(); ///< the name
};

inline namespace literals {

/// `"nightly-report"_lock` is a `name_constant`, which keeps its literal when it is forwarded.
template <fixed_string Name>
[[nodiscard]] constexpr name_constant<Name> operator""_lock() noexcept {
    return {};
}

} // namespace literals

namespace detail {

template <class T>
inline constexpr bool is_name_constant = false;
template <fixed_string Name>
inline constexpr bool is_name_constant<name_constant<Name>> = true;

/// The text of a literal, which outlives every lock; other names have none that does.
template <class T>
inline constexpr const std::string_view* constant_name = nullptr;
template <fixed_string Name>
inline constexpr const std::string_view* constant_name<name_constant<Name>> = &name_constant<Name>::value;

template <class T>
concept run_time_name = std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>;

} // namespace detail

namespace rule {

/// A lock's name is anything that converts to `std::string_view`, or a `_lock` literal.
template <class T>
concept lock_name = detail::is_name_constant<T> || detail::run_time_name<T>;

} // namespace rule

} // namespace pglocks
