// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/crc32.hpp>
#include <pglocks/hash/sha1.hpp>
#include <pglocks/hash/sha256.hpp>
#include <pglocks/interop/utf8_names.hpp>
#include <pglocks/name.hpp>
#include <pglocks/policy/hash.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pglocks::interop {

/// The keys of Python's django-pglocks 1.x: CRC-32 of the UTF-8 name, as a signed 32-bit integer.
///
/// Excludes `with django_pglocks.advisory_lock("name")`, and the other way round. Integers and pairs of
/// integers need no hash: give them as keys. 32 bits: among 10,000 names the odds of a collision are 1 in 86.
/// Source: django-pglocks 1.0.4, `advisory_lock` in django_pglocks/__init__.py.
struct django_pglocks : detail::utf8_names {
    static constexpr std::string_view summary = "Python django-pglocks 1.x";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int32_t>(digest::crc32(name));
    }
};

/// The keys of Python's django-pglocks 2.x and django-pgware: the first eight bytes of SHA-256, big-endian.
///
/// Source: django-pglocks 2.0, `resolve_lock_id` in src/django_pglocks/_lock.py.
struct django_pglocks2 : detail::utf8_names {
    static constexpr std::string_view summary = "Python django-pglocks 2.x, django-pgware";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::load_big_u64(digest::sha256(name).data()));
    }
};

/// The keys of Python's django-pglock: the first eight bytes of SHA-256, little-endian.
///
/// Excludes `pglock.advisory("name")`. An integer there is the key itself: give it as a key. Source:
/// django-pglock 1.8.0, `_cast_lock_id` in pglock/core.py.
struct django_pglock : detail::utf8_names {
    static constexpr std::string_view summary = "Python django-pglock";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::load_little_u64(digest::sha256(name).data()));
    }
};

/// The keys of Python's pals: the first eight bytes, little-endian, of SHA-1 of `App.name`.
///
/// `pals<"billing">` excludes `pals.Locker("billing").lock("name")`; `pals<>`, without an application,
/// excludes `pals.Locker(None)`; `pals<"">` is an application whose name is empty. The order of the bytes is
/// that of Python's machine: little-endian machines alone share these keys. Source: pals 0.4.0,
/// `Locker._lock_num` in pals/core.py.
template <fixed_string... App>
    requires(sizeof...(App) <= 1)
struct pals : detail::utf8_names {
    static constexpr std::string_view summary = "Python pals";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        // Not in the class, which clang would then take for one that is only declared.
        static_assert((digest::is_utf8(App.view()) && ...), "pglocks: the application's name is not UTF-8");
        return std::bit_cast<std::int64_t>(
            digest::load_little_u64(digest::sha1({prefix.data(), prefix.size()}, name).data()));
    }

private:
    /// The application's name and a dot.
    static constexpr auto prefix = [] {
        std::array<char, (std::size_t{0} + ... + (App.size + 1))> text{};
        if constexpr (sizeof...(App) != 0) {
            (std::copy_n(App.text, App.size, text.begin()), ...);
            text.back() = '.';
        }
        return text;
    }();
};

/// The keys of Python's postgresql-lock: the first eight bytes of SHA-1, big-endian.
///
/// Excludes `postgresql_lock.Lock(connection, "name")`. Numbers are hashed there, too, as the text that `str`
/// makes of them: give `42` as the name "42", not as a key. Source: postgresql-lock 0.2.2, `Lock.__init__` in
/// postgresql_lock/lock.py.
struct postgresql_lock : detail::utf8_names {
    static constexpr std::string_view summary = "Python postgresql-lock";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::load_big_u64(digest::sha1(name).data()));
    }
};

} // namespace pglocks::interop
