// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/crc32.hpp>
#include <pglocks/hash/hmac_sha256.hpp>
#include <pglocks/interop/utf8_names.hpp>
#include <pglocks/policy/hash.hpp>

#include <bit>
#include <cstdint>
#include <string_view>

namespace pglocks::interop {

/// The keys of Rust's `sqlx::postgres::PgAdvisoryLock`: eight bytes of HKDF with SHA-256, little-endian.
///
/// Source: sqlx 0.9.0-alpha.1, `PgAdvisoryLock::new` in sqlx-postgres/src/advisory_lock.rs.
struct sqlx : detail::utf8_names {
    static constexpr std::string_view summary = "Rust sqlx's PgAdvisoryLock";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::load_little_u64(
            digest::hkdf_sha256<8>("", name, "SQLx (Rust) Postgres advisory lock").data()));
    }
};

/// The key that Rust's sqlx locks while it migrates the database of this name: 0x3d32ad9e times its CRC-32.
///
/// Source: sqlx 0.9.0-alpha.1, `generate_lock_id` in sqlx-postgres/src/migrate.rs.
struct sqlx_migration : detail::utf8_names {
    static constexpr std::string_view summary = "Rust sqlx migrations, of the database's name";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view database) noexcept {
        return std::int64_t{0x3d32'ad9e} * digest::crc32(database); // below 2^62
    }
};

} // namespace pglocks::interop
