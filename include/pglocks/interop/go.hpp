// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/crc32.hpp>
#include <pglocks/hash/fnv.hpp>
#include <pglocks/key.hpp>
#include <pglocks/name.hpp>
#include <pglocks/policy/hash.hpp>

#include <bit>
#include <cstdint>
#include <string_view>

/// A Go string is a sequence of bytes, as a name here is: no name is refused.
namespace pglocks::interop {

/// The key that Go's golang-migrate locks while it migrates the database of this name.
///
/// CRC-32 of all names joined by NUL bytes, the database's last, times 1486364155 modulo 2^32. `Additional`
/// are what the driver adds: for `postgres` and `pgx` the schema and the table of the migrations, as in
/// `golang_migrate<"public", "schema_migrations">`. Source: golang-migrate 4.19.1, `GenerateAdvisoryLockId`
/// in database/util.go.
template <fixed_string... Additional>
struct golang_migrate {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Go golang-migrate, of the database's name";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view database) noexcept {
        return std::uint32_t{digest::crc32(database, crc_of_additional) * 1'486'364'155U};
    }

private:
    static constexpr std::uint32_t crc_of_additional = [] {
        std::uint32_t crc = 0;
        [[maybe_unused]] constexpr char nul = '\0';
        ((crc = digest::crc32({&nul, 1}, digest::crc32(Additional.view(), crc))), ...);
        return crc;
    }();
};

/// The keys of Go's River: FNV-1 of 64 bits, or FNV-1 of 32 bits below a prefix that is not 0.
///
/// `Prefix` is the client's `AdvisoryLockPrefix`. FNV-1 is not FNV-1a, which is `hash::fnv1a`. Source: River,
/// `AdvisoryLockHash.Key` in rivershared/util/hashutil/hash_util.go, of 2025 (commit 515f666).
template <std::int32_t Prefix = 0>
struct river {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Go River";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        if constexpr (Prefix == 0) {
            return std::bit_cast<std::int64_t>(digest::fnv1_64(name));
        } else {
            return std::int64_t{Prefix} * (std::int64_t{1} << 32) + digest::fnv1_32(name);
        }
    }
};

/// The key that Go's goose locks while it migrates: CRC-32 of "goose".
///
/// Source: goose 3.27.3, `DefaultLockID` in lock/session_locker_options.go.
inline constexpr lock_key goose{std::int64_t{digest::crc32("goose")}};

/// The key that Go's tern locks while it migrates. Source: tern 2.4.2, `lockNum` in migrate/migrate.go.
inline constexpr lock_key tern{9'628'173'550'095'224};

} // namespace pglocks::interop
