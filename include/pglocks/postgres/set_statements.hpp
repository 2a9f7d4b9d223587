// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/key.hpp>
#include <pglocks/postgres/functions.hpp>

#include <cstddef>
#include <string_view>

/// The statements that do something with many keys at once, each in one statement and one value.
///
/// $1 is an array of the bits of all keys in their order, $2 how many of them, the first, are `bigint` keys;
/// the others are pairs. `unnest` gives an array's elements in their order (manual, 9.19), and with it their
/// numbers from 1, `i`. What has to come first is computed from: no order of evaluation is relied on but that
/// of CASE. No function that locks stands in a WHERE clause or under a LIMIT, where the planner decides for
/// which rows it is called. As the other texts, these are immune to any search_path.
namespace pglocks::postgres {

using set_text = sql_text<1536>;

namespace detail {

/// One row for each key.
inline constexpr std::string_view all_keys = "pg_catalog.unnest($1::bigint[]) with ordinality u(k, i)";

/// The call of a function for the key of a row.
constexpr void append_call(set_text& to, operation what, lock_kind kind) {
    ((to += "case when i operator(pg_catalog.<=) $2::bigint then pg_catalog.") +=
     functions[function_index(what, kind, key_space::bigint)].name) += "(k) else pg_catalog.";
    (to += functions[function_index(what, kind, key_space::integer_pair)].name) +=
        "((k operator(pg_catalog.>>) 32)::integer, "
        "((k operator(pg_catalog.<<) 32) operator(pg_catalog.>>) 32)::integer) end";
}

} // namespace detail

// Texts, made when they are needed: a set asks the server for so much that this does not show.

/// Tries all keys and answers whether all were free; at session scope those that were are unlocked again if
/// not all were. (At transaction scope, rolling back to a savepoint does that.)
[[nodiscard]] constexpr set_text try_all(lock_kind kind) {
    set_text text;
    if (kind.ends_with_transaction) {
        text += "select pg_catalog.bool_and(";
        detail::append_call(text, operation::try_lock, kind);
        (text += ") from ") += detail::all_keys;
        return text;
    }
    text += "with t as materialized (select k, i, ";
    detail::append_call(text, operation::try_lock, kind);
    ((text += " as taken from ") += detail::all_keys) +=
        "), a as materialized (select pg_catalog.bool_and(taken) as ok from t) select case when a.ok then "
        "true "
        "when (select pg_catalog.count(case when t.taken and not a.ok then ";
    detail::append_call(text, operation::unlock, kind);
    text += " end) from t) is not null then false end from a";
    return text;
}

/// Waits for all keys, one after the other, at transaction level, where an error drops them all; for session
/// scope it then takes them at session level, which does not wait any more.
///
/// With a bound, $3 is how many milliseconds it may take in all: a key that is not free is waited for under
/// what is left of it as `lock_timeout`. At transaction scope the setting that was in force is put back; at
/// session scope the (sub)transaction ends, and does so.
[[nodiscard]] constexpr set_text wait_for_all(lock_kind kind, bool bounded) {
    const lock_kind waiting{.ends_with_transaction = true, .shared = kind.shared};
    const bool restores = kind.ends_with_transaction && bounded;
    set_text text;
    text += restores
                ? "with o as materialized (select pg_catalog.current_setting('lock_timeout') as v), w as "
                  "materialized ("
            : kind.ends_with_transaction ? ""
                                         : "with w as materialized (";
    text += "select pg_catalog.count(";
    if (bounded) {
        text += "case when not ";
        detail::append_call(text, operation::try_lock, waiting);
        text += " then case when pg_catalog.set_config('lock_timeout', greatest(1, $3::bigint "
                "operator(pg_catalog.-) (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() "
                "operator(pg_catalog.-) pg_catalog.statement_timestamp()) operator(pg_catalog.*) "
                "1000)::bigint)::varchar, true) is not null then ";
    }
    detail::append_call(text, operation::lock, waiting);
    text += bounded ? " end end" : "";
    text += ") as n from ";
    if (restores) {
        text +=
            "o, pg_catalog.unnest(case when o.v is not null then $1::bigint[] end) with ordinality u(k, i)) "
            "select pg_catalog.set_config('lock_timeout', case when w.n is not null then o.v end, true) "
            "from o, w";
        return text;
    }
    text += detail::all_keys;
    if (!kind.ends_with_transaction) {
        text += ") select pg_catalog.count(";
        detail::append_call(text, operation::lock, kind);
        text +=
            ") from w, pg_catalog.unnest(case when w.n is not null then $1::bigint[] end) with ordinality "
            "u(k, i)";
    }
    return text;
}

/// Unlocks all keys; answers the numbers of those that were not held, separated by commas.
[[nodiscard]] constexpr set_text unlock_all(bool shared) {
    set_text text;
    text += "select coalesce(pg_catalog.string_agg(case when ";
    detail::append_call(text, operation::unlock, {.shared = shared});
    (text += " then null else i::varchar end, ','), '') from ") += detail::all_keys;
    return text;
}

/// Unlocks those of the keys that the session holds; answers which, as `unlock_all` does. It looks first,
/// since an unlock of nothing would write a warning into the server's log; and not by the view `pg_locks`,
/// for which a full lock table may have no room.
[[nodiscard]] constexpr set_text unlock_what_is_held(bool shared) {
    set_text text;
    text += "with l as materialized (select (classid::bigint operator(pg_catalog.<<) 32) "
            "operator(pg_catalog.|) objid::bigint as held, objsubid from pg_catalog.pg_lock_status() where "
            "locktype operator(pg_catalog.=) 'advisory' and granted and pid operator(pg_catalog.=) "
            "pg_catalog.pg_backend_pid() and mode operator(pg_catalog.=) '";
    text += shared ? "ShareLock" : "ExclusiveLock";
    text += "') select coalesce(pg_catalog.string_agg(case when ";
    detail::append_call(text, operation::unlock, {.shared = shared});
    ((text += " then i::varchar end, ','), '') from l, ") += detail::all_keys) +=
        " where l.held operator(pg_catalog.=) k and l.objsubid operator(pg_catalog.=) case when i "
        "operator(pg_catalog.<=) $2::bigint then 1 else 2 end";
    return text;
}

} // namespace pglocks::postgres
