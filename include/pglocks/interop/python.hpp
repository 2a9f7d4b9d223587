// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/crc32.hpp>
#include <pglocks/hash/sha256.hpp>
#include <pglocks/policy/hash.hpp>

#include <bit>
#include <cstdint>
#include <string_view>

namespace pglocks::interop {

/// The keys of Python's django-pglocks 1.x: CRC-32 of the UTF-8 name, as a signed 32-bit integer.
///
/// Excludes `with django_pglocks.advisory_lock("name")`, and the other way round. Integers and pairs of
/// integers need no hash: give them as keys. 32 bits: among 10,000 names the odds of a collision are 1 in 86.
/// Source: django-pglocks 1.0.4, `advisory_lock` in django_pglocks/__init__.py.
struct django_pglocks {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Python django-pglocks 1.x";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int32_t>(digest::crc32(name));
    }
};

/// The keys of Python's django-pglocks 2.x and django-pgware: the first eight bytes of SHA-256, big-endian.
///
/// Source: django-pglocks 2.0, `resolve_lock_id` in src/django_pglocks/_lock.py.
struct django_pglocks2 {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Python django-pglocks 2.x, django-pgware";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::load_big_u64(digest::sha256(name).data()));
    }
};

} // namespace pglocks::interop
