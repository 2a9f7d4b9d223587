// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/crc32.hpp>
#include <pglocks/policy/hash.hpp>

#include <cstdint>
#include <string_view>

namespace pglocks::interop {

/// The keys of PHP's Symfony Lock in its PostgreSQL stores: CRC-32 of the resource, unsigned.
///
/// A PHP string is a sequence of bytes: no name is refused. 32-bit builds of PHP give another key to half of
/// the names. Among 10,000 names the odds of a collision are 1 in 86. Source: Symfony 5.4.53, `getHashedKey`
/// in src/Symfony/Component/Lock/Store/PostgreSqlStore.php.
struct symfony {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "PHP Symfony Lock";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return digest::crc32(name);
    }
};

} // namespace pglocks::interop
