// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key_of.hpp>
#include <pglocks/name.hpp>
#include <pglocks/policy/hash.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace pglocks {

namespace rule {

/// The keys of a set of names are known when it is compiled: its hash takes names, and has no state.
template <class Hash>
concept hash_of_a_set = hash_takes_names<Hash> && stateless<Hash>;

} // namespace rule

namespace detail {

/// A name as a pack of `char`: every compiler spells the letters of a pack in its messages.
template <char... Letters>
struct name {};

template <fixed_string Name, class = std::make_index_sequence<Name.size>>
struct spelled;
template <fixed_string Name, std::size_t... I>
struct spelled<Name, std::index_sequence<I...>> {
    using type = name<Name.text[I]...>;
};

template <class First, class Second>
concept have_different_keys = false;

template <class First, class Second>
struct collision {
    static_assert(
        have_different_keys<First, Second>,
        "pglocks: two names of this set have the same key: rename one of them, or choose another hash");
};

template <class Hash>
struct set_without_a_hash {
    static_assert(rule::hash_of_a_set<Hash>,
                  "pglocks: a set of names needs a hash that takes names and has no state: choose "
                  "hash::postgres<> or another hash");
};

struct no_collision {};

/// A constant of its own for each key: a compiler's limit of steps is one for each constant.
template <class Hash, fixed_string Name>
inline constexpr lock_key key_constant = key_of<Hash>(Name.view());

template <class Hash, fixed_string... Name>
struct name_table {
    static constexpr std::size_t size = sizeof...(Name);
    static constexpr std::array<std::string_view, size> names{Name.view()...};
    static constexpr std::array<lock_key, size> keys{key_constant<Hash, Name>...};

    /// The positions of two names with one key, or `size` twice.
    static constexpr std::pair<std::size_t, std::size_t> clash = [] {
        std::array<std::size_t, size> order{};
        for (std::size_t i = 0; i < size; ++i) {
            order[i] = i;
        }
        std::sort(order.begin(), order.end(), [](std::size_t a, std::size_t b) {
            return keys[a] != keys[b] ? keys[a] < keys[b] : a < b;
        });
        for (std::size_t i = 1; i < size; ++i) {
            if (keys[order[i - 1]] == keys[order[i]]) {
                return std::pair(order[i - 1], order[i]);
            }
        }
        return std::pair(size, size);
    }();

    [[nodiscard]] static consteval auto verdict() {
        if constexpr (clash.first != size) {
            using letters = std::tuple<typename spelled<Name>::type...>;
            return collision<std::tuple_element_t<clash.first, letters>,
                             std::tuple_element_t<clash.second, letters>>{};
        } else {
            return no_collision{};
        }
    }
};

} // namespace detail

/// The names that an application locks, declared once: two names with one key do not compile.
///
/// ```
/// using locks = pglocks::name_set<pglocks::hash::postgres<>, "nightly-report", "invoices">;
/// pglocks::advisory_lock lock(sql, locks::name<"invoices">); // another name would not compile
/// ```
template <class Hash, fixed_string... Name>
class name_set : decltype(detail::name_table<Hash, Name...>::verdict()) {
    using table = detail::name_table<Hash, Name...>;

public:
    using hash_policy = Hash; ///< of the names

    static constexpr std::size_t size = table::size;   ///< how many names there are
    static constexpr const auto& names = table::names; ///< in the order of the declaration
    static constexpr const auto& keys = table::keys;   ///< of the names, in their order

    /// Whether the set has this name.
    [[nodiscard]] static constexpr bool contains(std::string_view name) noexcept {
        return std::find(names.begin(), names.end(), name) != names.end();
    }

    /// The name of a key, if it is one of the set's.
    [[nodiscard]] static constexpr std::optional<std::string_view> name_of(lock_key key) noexcept {
        const auto at = std::find(keys.begin(), keys.end(), key);
        if (at == keys.end()) {
            return std::nullopt;
        }
        return names[static_cast<std::size_t>(at - keys.begin())];
    }

    /// A name of the set, as a constant to construct a lock with.
    // clang-format off
    template <fixed_string Wanted> requires(contains(Wanted.view())) // pglocks: this name is not one of the set: add it there, or correct it
    // clang-format on
    static constexpr name_constant<Wanted> name{};
};

/// A set with a hash that it cannot use: the `error:` line says so, and what to write instead.
template <class Hash, fixed_string... Name>
    requires(!rule::hash_of_a_set<Hash>)
class name_set<Hash, Name...> : detail::set_without_a_hash<Hash> {
public:
    static constexpr std::size_t size = sizeof...(Name); ///< so that its use adds no second error
    /// So that its use adds no second error.
    [[nodiscard]] static constexpr bool contains(std::string_view) noexcept { return true; }
    /// So that its use adds no second error.
    template <fixed_string Wanted>
    static constexpr name_constant<Wanted> name{};
};

} // namespace pglocks
