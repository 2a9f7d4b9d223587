// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/java_hash.hpp>
#include <pglocks/interop/utf8_names.hpp>
#include <pglocks/key.hpp>
#include <pglocks/name.hpp>
#include <pglocks/policy/hash.hpp>

#include <cstdint>
#include <string_view>

namespace pglocks::interop {

/// The key that Java's Flyway locks while it migrates: 77431708279161 plus `hashCode` of the history table.
///
/// The name is the table's with its schema, both in quotes: `"public"."flyway_schema_history"`. Source:
/// Flyway, `LOCK_MAGIC_NUM` in PostgreSQLAdvisoryLockTemplate.java, package org.flywaydb.database.postgresql,
/// of 2026 (commit 1880296).
struct flyway : detail::utf8_names {
    static constexpr std::string_view summary = "Java Flyway, of \"schema\".\"table\" with the quotes";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view table) noexcept {
        return 77'431'708'279'161 + std::int64_t{digest::java_string_hash(table)};
    }
};

/// The pair that Java's liquibase-sessionlock locks while Liquibase migrates: `hashCode` of the lock table's
/// name and of its schema's.
///
/// The name is the lock table's as Liquibase knows it, as a rule `DATABASECHANGELOGLOCK`. `Schema` is the
/// connection's default schema, `public` if it is not given. Source: liquibase-sessionlock 1.6.9,
/// `PGLockService.getChangeLogLockId`.
template <fixed_string... Schema>
    requires(sizeof...(Schema) <= 1)
struct liquibase_sessionlock : detail::utf8_names {
    static constexpr std::string_view summary = "Java liquibase-sessionlock, of the lock table's name";

    [[nodiscard]] static constexpr lock_key key_of(std::string_view table) noexcept {
        // Not in the class, which clang would then take for one that is only declared.
        static_assert((digest::is_utf8(Schema.view()) && ...), "pglocks: the schema's name is not UTF-8");
        return {digest::java_string_hash(table), hash_of_schema};
    }

private:
    static constexpr std::int32_t hash_of_schema = [] {
        std::int32_t hash = digest::java_string_hash("public");
        ((hash = digest::java_string_hash(Schema.view())), ...);
        return hash;
    }();
};

} // namespace pglocks::interop
