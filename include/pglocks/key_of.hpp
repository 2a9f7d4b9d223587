// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>
#include <pglocks/name.hpp>
#include <pglocks/policy/hash.hpp>

#include <string_view>
#include <type_traits>

namespace pglocks {

namespace detail {

/// The text of whatever names a lock. *Throws*: `refused` for a null pointer.
template <rule::lock_name N>
[[nodiscard]] constexpr std::string_view text_of(const N& name) {
    if constexpr (is_name_constant<N>) {
        return N::value;
    } else if constexpr (std::is_pointer_v<N>) {
        return name ? std::string_view(name)
                    : throw refused({.what = "the lock's name is a null pointer", .advice = "pass a name"});
    } else {
        return name;
    }
}

} // namespace detail

/// The key that `Hash` gives a name, also in constant expressions: `constexpr auto k =
/// key_of<>("nightly-report");`.
///
/// *Throws*: `refused` if the hash does not accept the name; in a constant expression that is a compile
/// error.
template <rule::hash_takes_names Hash = axis_traits<axis::hash>::default_policy>
[[nodiscard]] constexpr lock_key key_of(std::string_view name, const Hash& hash) {
    if (!detail::accepted(hash, name)) {
        // clang-format off
        throw refused({.what = "the hash cannot map this name", .advice = "PostgreSQL's hashes take no NUL byte, and those of other ecosystems only what is text there: correct the name, or choose hash::sha256 or hash::fnv1a"}, name); // pglocks: the hash cannot map this name: leave out NUL and non-UTF-8 bytes, or choose another hash
        // clang-format on
    }
    return detail::hashed(hash, name);
}

/// As above, for a hash without state, of which there is no value to give.
template <rule::hash_takes_names Hash = axis_traits<axis::hash>::default_policy>
    requires stateless<Hash>
[[nodiscard]] constexpr lock_key key_of(std::string_view name) {
    return key_of<Hash>(name, Hash{});
}

// clang-format off
template <class Hash, class... A> requires (hash_policy<Hash> && !rule::hash_takes_names<Hash>) lock_key key_of(const A&...) = delete; // pglocks: hash::none takes no names: choose hash::postgres<> or another hash
template <rule::hash_takes_names Hash> requires (!stateless<Hash>) lock_key key_of(std::string_view) = delete; // pglocks: this hash has state: pass its value after the name, as hash::siphash needs its key
// clang-format on

} // namespace pglocks
