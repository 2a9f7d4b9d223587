// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/key.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The only code that knows libpq and SOCI's PostgreSQL backend.
namespace pglocks::postgres {

/// An SQL text in a buffer of its own, NUL-terminated.
template <std::size_t Capacity>
struct sql_text {
    std::array<char, Capacity> text{};
    std::size_t size = 0;

    constexpr sql_text& operator+=(std::string_view more) noexcept {
        for (const char c : more) {
            text[size++] = c;
        }
        return *this;
    }
    [[nodiscard]] constexpr const char* c_str() const noexcept { return text.data(); }
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text.data(), size}; }
};

/// What is asked of the server.
enum class operation : std::uint8_t { lock, try_lock, unlock };

/// One of PostgreSQL's advisory lock functions (manual, 9.27.10), with its OID in `pg_proc`, the same in
/// every version since 9.1 (PostgreSQL 15, src/include/catalog/pg_proc.dat).
struct function {
    unsigned oid = 0;
    std::string_view name{};
    key_space space = key_space::bigint;
};

/// All of them, by OID: the `bigint` form of each block first.
inline constexpr std::array<function, 20> functions{{
    {2880, "pg_advisory_lock", key_space::bigint},
    {2881, "pg_advisory_lock_shared", key_space::bigint},
    {2882, "pg_try_advisory_lock", key_space::bigint},
    {2883, "pg_try_advisory_lock_shared", key_space::bigint},
    {2884, "pg_advisory_unlock", key_space::bigint},
    {2885, "pg_advisory_unlock_shared", key_space::bigint},
    {2886, "pg_advisory_lock", key_space::integer_pair},
    {2887, "pg_advisory_lock_shared", key_space::integer_pair},
    {2888, "pg_try_advisory_lock", key_space::integer_pair},
    {2889, "pg_try_advisory_lock_shared", key_space::integer_pair},
    {2890, "pg_advisory_unlock", key_space::integer_pair},
    {2891, "pg_advisory_unlock_shared", key_space::integer_pair},
    {3089, "pg_advisory_xact_lock", key_space::bigint},
    {3090, "pg_advisory_xact_lock_shared", key_space::bigint},
    {3091, "pg_try_advisory_xact_lock", key_space::bigint},
    {3092, "pg_try_advisory_xact_lock_shared", key_space::bigint},
    {3093, "pg_advisory_xact_lock", key_space::integer_pair},
    {3094, "pg_advisory_xact_lock_shared", key_space::integer_pair},
    {3095, "pg_try_advisory_xact_lock", key_space::integer_pair},
    {3096, "pg_try_advisory_xact_lock_shared", key_space::integer_pair},
}};

/// The position in `functions` of the function that does `what`; there is none that unlocks at transaction
/// scope.
[[nodiscard]] constexpr std::size_t function_index(operation what, lock_kind kind, key_space space) noexcept {
    const auto pair = static_cast<std::size_t>(space == key_space::integer_pair);
    const auto verb = static_cast<std::size_t>(what) * 2 + static_cast<std::size_t>(kind.shared);
    return kind.ends_with_transaction ? 12 + 4 * pair + verb : 6 * pair + verb;
}

namespace detail {

// Each text is immune to any search_path: functions are qualified, types are grammar words.

/// `(first argument[, second])`, the last parameters being the key; `first` is the text of the key's first
/// parameter.
[[nodiscard]] constexpr std::string_view key_parameters(key_space space) noexcept {
    return space == key_space::bigint ? "($1::bigint)" : "($1::integer, $2::integer)";
}

} // namespace detail

// Texts by position in `functions`, made when they are needed: as constants, all eighty would cost every
// program a tenth of a second to compile.

/// `select pg_catalog.FUNCTION(key)`.
[[nodiscard]] constexpr sql_text<96> plain_call(std::size_t position) noexcept {
    const function& f = functions[position];
    sql_text<96> call;
    (((call += "select pg_catalog.") += f.name) += detail::key_parameters(f.space));
    return call;
}

/// As `plain_call`, under `lock_timeout` $1 which stays in force until the (sub)transaction ends.
///
/// That the setting is in force before the function is called follows from data dependency, not from an order
/// of evaluation that PostgreSQL does not promise.
[[nodiscard]] constexpr sql_text<256> bounded_call(std::size_t position) noexcept {
    const function& f = functions[position];
    sql_text<256> call;
    ((call += "select pg_catalog.") += f.name) +=
        "(case when pg_catalog.set_config('lock_timeout', $1, true) is not null then ";
    call += f.space == key_space::bigint ? "$2::bigint end)" : "$2::integer end, $3::integer)";
    return call;
}

/// As `bounded_call`, but puts the `lock_timeout` that was in force back when the lock is granted.
[[nodiscard]] constexpr sql_text<512> restoring_call(std::size_t position) noexcept {
    const function& f = functions[position];
    sql_text<512> call;
    call += "with before as materialized (select pg_catalog.current_setting('lock_timeout') as lock_timeout) "
            "select case when pg_catalog.";
    call += f.name;
    call += "(case when pg_catalog.set_config(case when before.lock_timeout is not null then 'lock_timeout' "
            "end, $1, true) is not null then ";
    call += f.space == key_space::bigint ? "$2::bigint end)" : "$2::integer end, $3::integer)";
    call += " is not null then pg_catalog.set_config('lock_timeout', before.lock_timeout, true) end "
            "from before";
    return call;
}

/// The OIDs of `functions`, separated by commas.
[[nodiscard]] inline std::string function_oids() {
    std::string all;
    for (const function& f : functions) {
        all += (all.empty() ? "" : ",") + std::to_string(f.oid);
    }
    return all;
}

/// One of the texts above, which calls nothing and answers null unless it runs on a primary, on a backend
/// that was marked with this token (or, for an empty one, with none).
template <std::size_t Capacity = 1024>
[[nodiscard]] sql_text<Capacity> guarded(std::string_view call, std::string_view token) {
    sql_text<Capacity> text;
    ((text += "select case when pg_catalog.concat(pg_catalog.current_setting('pglocks.session', true)) "
              "operator(pg_catalog.=) '") += token) += "' and not pg_catalog.pg_is_in_recovery() then (";
    (text += call) += ") end";
    return text;
}

/// What a server that has PostgreSQL's functions at PostgreSQL's OIDs answers to the check of a new
/// connection.
[[nodiscard]] inline std::string function_signatures() {
    std::string all;
    for (const function& f : functions) {
        all += (all.empty() ? "" : ",") + std::to_string(f.oid) + ' ' + std::string(f.name) +
               (f.space == key_space::bigint ? " 20" : " 23 23");
    }
    return all;
}

} // namespace pglocks::postgres
