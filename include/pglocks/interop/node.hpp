// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/sha256.hpp>
#include <pglocks/interop/utf8_names.hpp>
#include <pglocks/key.hpp>
#include <pglocks/policy/hash.hpp>

#include <bit>
#include <cstdint>
#include <string_view>

namespace pglocks::interop {

/// The pairs of Node's advisory-lock: two times four bytes of SHA-256, each little-endian.
///
/// Source: advisory-lock 2.0.0, `strToKey` in src/index.js. Its first versions read the second number from
/// the bytes 1 to 4, and share no lock with it.
struct advisory_lock_js : detail::utf8_names {
    static constexpr std::string_view summary = "Node advisory-lock";

    [[nodiscard]] static constexpr lock_key key_of(std::string_view name) noexcept {
        const auto bytes = digest::sha256(name);
        return {std::bit_cast<std::int32_t>(digest::load_little_u32(bytes.data())),
                std::bit_cast<std::int32_t>(digest::load_little_u32(bytes.data() + 4))};
    }
};

/// The key that Prisma Migrate locks while it migrates. Source: Prisma's schema engine, `acquire_lock` in
/// schema-engine/connectors/sql-schema-connector/src/flavour/postgres.rs (commit 1f7ff79).
inline constexpr lock_key prisma_migrate{72'707'369};

/// The key that node-pg-migrate locks while it migrates. Source: node-pg-migrate 9.0.0, `PG_MIGRATE_LOCK_ID`
/// in src/runner.ts.
inline constexpr lock_key node_pg_migrate{7'241'865'325'823'964};

} // namespace pglocks::interop
