// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/crc32.hpp>
#include <pglocks/hash/md5.hpp>
#include <pglocks/key.hpp>
#include <pglocks/policy/hash.hpp>

#include <bit>
#include <cstdint>
#include <limits>
#include <string_view>

/// A Ruby string is a sequence of bytes, as a name here is: no name is refused on account of its encoding.
namespace pglocks::interop {

/// The pairs of Ruby's with_advisory_lock: the low 31 bits of CRC-32 of the name, and those of a prefix.
///
/// `Prefix` is the environment variable WITH_ADVISORY_LOCK_PREFIX as Ruby's `to_i` reads it: 0 when it is not
/// set or does not begin with a number. A name that is a string of digits is hashed like every string; a name
/// that is a number in Ruby is `key_of_number`. 31 bits: among 10,000 names the odds of a collision are 1 in
/// 43. Source: with_advisory_lock 7.5.0, `lock_keys_for` in lib/with_advisory_lock/postgresql_advisory.rb and
/// `stable_hashcode` in core_advisory.rb.
template <std::int64_t Prefix = 0>
struct with_advisory_lock {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Ruby with_advisory_lock";

    [[nodiscard]] static constexpr lock_key key_of(std::string_view name) noexcept {
        return key_of_number(digest::crc32(name));
    }

    /// The key of `with_advisory_lock(number)`: Ruby does not hash numbers, and takes the low 31 bits.
    [[nodiscard]] static constexpr lock_key key_of_number(std::int64_t number) noexcept {
        return {low_31_bits(number), low_31_bits(Prefix)};
    }

private:
    [[nodiscard]] static constexpr std::int32_t low_31_bits(std::int64_t number) noexcept {
        return static_cast<std::int32_t>(number & 0x7fff'ffff);
    }
};

/// The key that Rails locks while it migrates the database of this name: 2053462845 times its CRC-32.
///
/// Source: Rails 6.1.7, `generate_migrator_advisory_lock_id` in activerecord/lib/active_record/migration.rb.
struct rails_migration {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Ruby on Rails migrations, of the database's name";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view database) noexcept {
        return std::int64_t{2'053'462'845} * digest::crc32(database); // below 2^63
    }
};

/// The keys of Ruby's good_job: the first eight bytes of MD5, big-endian.
///
/// A job's name is its table and id, `good_jobs-00000000-0000-0000-0000-000000000000`. PostgreSQL computes
/// the hash there, so a name with a NUL byte is refused, as its `text` holds none. Bytes that are no text in
/// the database's encoding have a key here, and an error there. Source: good_job 4.19.2,
/// `advisory_lock_bigint_sql` in app/models/concerns/good_job/advisory_lockable.rb, with the default
/// `hash_function`.
struct good_job {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Ruby good_job";

    [[nodiscard]] static constexpr bool accepts(std::string_view name) noexcept {
        return pglocks::detail::is_text(name);
    }
    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::load_big_u64(digest::md5(name).data()));
    }
};

/// The pairs of Ruby's pg_lock, made at Heroku: -2147483648, and CRC-32 as a signed integer.
///
/// 32 bits: among 10,000 names the odds of a collision are 1 in 86. Source: pg_lock 1.0.0, `PG_LOCK_SPACE`
/// and `PgLock#key` in lib/pg_lock.rb.
struct heroku_pg_lock {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "Ruby pg_lock";

    [[nodiscard]] static constexpr lock_key key_of(std::string_view name) noexcept {
        return {std::numeric_limits<std::int32_t>::min(), std::bit_cast<std::int32_t>(digest::crc32(name))};
    }
};

} // namespace pglocks::interop
