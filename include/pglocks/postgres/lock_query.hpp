// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/inspect/lock_info.hpp>
#include <pglocks/postgres/question.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// The statements that look at advisory locks.
///
/// They read the functions below the views `pg_locks`, `pg_stat_activity` and `pg_prepared_xacts`, since the
/// views need room in the lock table, which may be what is being looked for. As the other texts, these are
/// immune to any search_path.
namespace pglocks::postgres {

/// The parts of which the statements are made.
namespace lock_query {

/// The 64 bits of a lock's key.
inline constexpr const char* bits = "((classid::bigint operator(pg_catalog.<<) 32) operator(pg_catalog.|) "
                                    "objid::bigint)";

/// A point in time as microseconds since 1970: a double has room for them until the year 2255.
[[nodiscard]] inline std::string microseconds(const std::string& expression) {
    return "(pg_catalog.date_part('epoch', " + expression + ") operator(pg_catalog.*) 1000000)::bigint";
}

/// Inside a transaction, the server answers from what it has read before, unless it is told not to.
inline constexpr const char* fresh =
    "with f as materialized (select pg_catalog.count(pg_catalog.pg_stat_clear_snapshot()) as n)";

/// $1 the bits of a key and $2 its objsubid, or nulls for every key; $3 whether granted, or null for both.
///
/// A prepared transaction is known by the lock on its own transaction ID that it holds beside the others.
[[nodiscard]] inline std::string all(bool has_waitstart) {
    return std::string(fresh) +
           ", a as materialized (select s.* from f, pg_catalog.pg_stat_get_activity(case when f.n is null "
           "then 0 end) s), g as materialized (select * from pg_catalog.pg_lock_status()), l as (select * "
           "from g where locktype operator(pg_catalog.=) 'advisory' and database operator(pg_catalog.=) "
           "(select a.datid from a where a.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()) and "
           "($1::bigint is null or (" +
           bits +
           " operator(pg_catalog.=) $1::bigint and objsubid operator(pg_catalog.=) $2::integer)) and "
           "($3::boolean is null or granted operator(pg_catalog.=) $3::boolean)), p as (select "
           "g.virtualtransaction as owner, x.gid, x.prepared, x.ownerid from g join "
           "pg_catalog.pg_prepared_xact() x on g.transactionid operator(pg_catalog.=) x.transaction where "
           "g.pid is null and g.locktype operator(pg_catalog.=) 'transactionid') select l.classid, l.objid, "
           "l.objsubid, l.mode, l.granted, l.pid, pg_catalog.pg_get_userbyid(coalesce(a.usesysid, "
           "p.ownerid)), a.application_name, case when a.client_port operator(pg_catalog.<) 0 then '' else "
           "pg_catalog.host(a.client_addr) end, case when a.client_port operator(pg_catalog.>=) 0 then "
           "a.client_port end, a.state, case when a.backend_start is not null then a.query end, p.gid, " +
           microseconds("pg_catalog.clock_timestamp()") + ", " +
           (has_waitstart ? microseconds("l.waitstart") : "null") + ", " + microseconds("a.backend_start") +
           ", " + microseconds("coalesce(a.xact_start, p.prepared)") + ", " + microseconds("a.state_change") +
           ", case when not l.granted then pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(l.pid), "
           "',') end from l left join a on a.pid operator(pg_catalog.=) l.pid left join p on l.pid is null "
           "and p.owner operator(pg_catalog.=) l.virtualtransaction";
}

/// Whether anybody holds the key of bits $1 and objsubid $2.
[[nodiscard]] inline std::string held() {
    return std::string("select exists (select from pg_catalog.pg_lock_status() where locktype "
                       "operator(pg_catalog.=) 'advisory' and granted and ") +
           bits +
           " operator(pg_catalog.=) $1::bigint and objsubid operator(pg_catalog.=) $2::integer and database "
           "operator(pg_catalog.=) (select datid from "
           "pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())))";
}

inline constexpr std::string_view needs =
    "grant this role EXECUTE on the functions below pg_locks and pg_stat_activity again";

} // namespace lock_query

/// The fields of one row, in the order of `lock_query::all`.
class lock_row {
public:
    lock_row(const PGresult* rows, int row) noexcept : rows_(rows), row_(row) {}

    /// Empty for a lock of a kind that PostgreSQL does not have yet.
    [[nodiscard]] std::optional<lock_info> read() {
        const auto classid = number<std::uint32_t>();
        const auto objid = number<std::uint32_t>();
        const auto objsubid = number<std::uint16_t>();
        const auto key =
            lock_key::from_pg_locks(classid.value_or(0), objid.value_or(0), objsubid.value_or(0));
        if (!key) {
            return std::nullopt;
        }
        lock_info info{.key = *key};
        info.mode = text() == "ShareLock" ? lock_mode::shared : lock_mode::exclusive;
        info.granted = text() == "t";
        info.pid = number<int>().value_or(0);
        info.user = text().value_or("");
        info.application = text().value_or("");
        info.client_address = text();
        info.client_port = number<int>();
        info.state = text();
        info.query = text();
        info.prepared_transaction = text().value_or("");
        info.seen_at = time().value_or(lock_info::time_point());
        info.waiting_since = time();
        info.session_started = time();
        info.transaction_started = time();
        info.state_changed = time();
        info.blocked_by = pids();
        return info;
    }

private:
    [[nodiscard]] std::optional<std::string> text() {
        const int column = column_++;
        if (PQgetisnull(rows_, row_, column) != 0) {
            return std::nullopt;
        }
        return PQgetvalue(rows_, row_, column);
    }
    template <class Number>
    [[nodiscard]] std::optional<Number> number() {
        const auto digits = text();
        Number value{};
        if (!digits ||
            std::from_chars(digits->data(), digits->data() + digits->size(), value).ec != std::errc()) {
            return std::nullopt;
        }
        return value;
    }
    [[nodiscard]] std::optional<lock_info::time_point> time() {
        const auto since_1970 = number<std::int64_t>();
        return since_1970 ? std::optional(lock_info::time_point(std::chrono::microseconds(*since_1970)))
                          : std::nullopt;
    }
    /// Each once, in order: PostgreSQL gives some of them twice.
    [[nodiscard]] std::vector<int> pids() {
        const std::string list = text().value_or("");
        std::vector<int> all;
        const char* at = list.data();
        const char* const end = at + list.size();
        for (int pid = 0; at < end;) {
            const auto [next, error] = std::from_chars(at, end, pid);
            if (error != std::errc()) {
                break;
            }
            all.push_back(pid);
            at = next + 1; // the comma
        }
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
        return all;
    }

    const PGresult* rows_;
    int row_;
    int column_ = 0;
};

/// The locks of one key, or of all, in their order: by key, those granted first, then as they wait.
[[nodiscard]] inline std::vector<lock_info> read_locks(soci::session& session, std::optional<lock_key> key,
                                                       std::optional<bool> granted) {
    using parameter = std::optional<std::string>;
    const std::array<parameter, 3> parameters{key ? parameter(std::to_string(key->bits())) : parameter(),
                                              key ? parameter(std::to_string(key->objsubid())) : parameter(),
                                              granted ? parameter(*granted ? "true" : "false") : parameter()};
    const bool has_waitstart = PQserverVersion(libpq_connection(session)) >= 140000;
    const result rows = ask(session, lock_query::all(has_waitstart), parameters,
                            {.doing = "inspecting advisory locks", .needs = lock_query::needs, .key = key});
    std::vector<lock_info> all;
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
        if (auto info = lock_row(rows.get(), row).read()) {
            all.push_back(*std::move(info));
        }
    }
    std::sort(all.begin(), all.end(), [](const lock_info& a, const lock_info& b) {
        const auto since = [](const lock_info& info) { // who began to wait this moment has no time yet
            return info.waiting_since.value_or(lock_info::time_point::max());
        };
        return std::tuple(a.key, !a.granted, since(a), a.pid, a.mode) <
               std::tuple(b.key, !b.granted, since(b), b.pid, b.mode);
    });
    return all;
}

[[nodiscard]] inline bool is_held(soci::session& session, lock_key key) {
    const std::array<std::optional<std::string>, 2> parameters{std::to_string(key.bits()),
                                                               std::to_string(key.objsubid())};
    const result r = ask(session, lock_query::held(), parameters,
                         {.doing = "inspecting an advisory lock", .needs = lock_query::needs, .key = key});
    return std::string_view(PQgetvalue(r.get(), 0, 0)) == "t";
}

} // namespace pglocks::postgres
