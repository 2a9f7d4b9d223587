// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/error.hpp>
#include <pglocks/key.hpp>
#include <pglocks/key_of.hpp>
#include <pglocks/name.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace pglocks {

namespace detail {

/// One of the names or keys of a list in braces.
class listed_lock {
public:
    template <rule::lock_name N>
    constexpr listed_lock(const N& name) : name_(text_of(name)) {}
    constexpr listed_lock(lock_key key) noexcept : key_(key) {}
    constexpr listed_lock(rule::key_integer auto key) noexcept : key_(key) {}
    constexpr listed_lock(rule::key_half auto first, rule::key_half auto second) noexcept
        : key_(lock_key(first, second)) {}

    /// The key, if it is one.
    [[nodiscard]] constexpr const std::optional<lock_key>& key() const noexcept { return key_; }
    [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }

private:
    std::string_view name_{};
    std::optional<lock_key> key_{};
};

using lock_list = std::initializer_list<listed_lock>;

template <class R>
concept iterable = requires(R& range) {
    std::begin(range) != std::end(range);
    *std::begin(range);
};
template <iterable R>
using element_of = std::remove_cvref_t<decltype(*std::begin(std::declval<R&>()))>;

} // namespace detail

namespace rule {

/// A range of what names locks; or a list in braces, which may have keys beside names.
template <class R>
concept range_of_names = pglocks::detail::iterable<R> &&
                         (lock_name<pglocks::detail::element_of<R>> ||
                          std::same_as<pglocks::detail::element_of<R>, pglocks::detail::listed_lock>);

/// A set of locks is taken on a range of names, or of keys.
template <class R>
concept lock_range = range_of_names<R> || (pglocks::detail::iterable<R> &&
                                           std::convertible_to<pglocks::detail::element_of<R>, lock_key>);

} // namespace rule

namespace detail {

/// What a set of locks is of: keys in the one order of all sets, each once.
class lock_set_keys {
public:
    using value_type = lock_keys;

    lock_set_keys() noexcept = default;

    /// The keys of a range. \param key_of_name is called for names
    template <rule::lock_range R, class KeyOfName>
    lock_set_keys(R& range, const KeyOfName& key_of_name) {
        if constexpr (requires { std::size(range); }) {
            keys_.reserve(static_cast<std::size_t>(std::size(range)));
        }
        for (const auto& each : range) {
            using element = element_of<R>;
            if constexpr (std::same_as<element, listed_lock>) {
                each.key() ? add(*each.key(), {}) : add(key_of_name(each.name()), each.name());
            } else if constexpr (rule::lock_name<element>) {
                const std::string_view name = text_of(each);
                add(key_of_name(name), name);
            } else {
                add(each, {});
            }
        }
        std::sort(keys_.begin(), keys_.end());
        keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
    }

    [[nodiscard]] lock_keys value(key_space /*of one lock*/) const noexcept {
        return {keys_.data(), keys_.size()};
    }
    /// What the first key was made of, while this is known: until the lock stands.
    [[nodiscard]] std::string take_first_name() noexcept { return std::exchange(first_name_, {}); }
    [[nodiscard]] static std::string_view name() noexcept { return {}; }

    static void describe(lock_error& error, lock_keys keys, std::string_view name) {
        if (!keys.empty()) {
            error.add_lock(keys.front(), name, keys.size());
        }
    }

private:
    void add(lock_key key, std::string_view name) {
        if (keys_.empty() || key < first_) {
            first_ = key;
            first_name_ = name;
        }
        keys_.push_back(key);
    }

    std::vector<lock_key> keys_;
    lock_key first_ = 0;
    std::string first_name_;
};

} // namespace detail

} // namespace pglocks
