// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/inspect/lock_info.hpp>
#include <pglocks/inspect/signal_result.hpp>
#include <pglocks/postgres/lock_query.hpp>
#include <pglocks/postgres/question.hpp>

#include <libpq-fe.h>
#include <soci/soci.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pglocks::postgres {

enum class backend_signal : std::uint8_t { terminate, cancel };

/// Signals the backend $1 if its session started at $2 (microseconds since 1970; null where that is hidden)
/// and its lock of bits $3, objsubid $4 and mode $5, if given, is still granted or not, as $6 says. What it
/// checks first, CASE evaluates first.
[[nodiscard]] inline std::string signal_statement(backend_signal what) {
    const std::string session = "select from s where $2::bigint is null or " +
                                lock_query::microseconds("s.backend_start") +
                                " operator(pg_catalog.=) $2::bigint";
    const std::string lock =
        "select from pg_catalog.pg_lock_status() where locktype operator(pg_catalog.=) 'advisory' and pid "
        "operator(pg_catalog.=) $1::integer and " +
        std::string(lock_query::bits) +
        " operator(pg_catalog.=) $3::bigint and objsubid operator(pg_catalog.=) $4::integer and mode "
        "operator(pg_catalog.=) $5::varchar and granted operator(pg_catalog.=) $6::boolean and database "
        "operator(pg_catalog.=) (select datid from s)";
    return std::string(lock_query::fresh) +
           ", s as materialized (select s.* from f, pg_catalog.pg_stat_get_activity(case when f.n is not "
           "null then $1::integer else 0 end) s) select case when $1::integer operator(pg_catalog.=) "
           "pg_catalog.pg_backend_pid() then 'own' when $2::bigint is not null and exists (select from s "
           "where s.backend_start is null) then 'hidden' when not exists (" +
           session + ") then 'ended' when $3::bigint is not null and not exists (" + lock +
           ") then 'changed' when pg_catalog." +
           (what == backend_signal::terminate ? "pg_terminate_backend" : "pg_cancel_backend") +
           "($1::integer) then 'sent' else 'ended' end";
}

[[nodiscard]] inline signal_result signal_backend(soci::session& session, backend_signal what, int pid,
                                                  std::optional<lock_info::time_point> started,
                                                  const lock_info* lock = nullptr) {
    using parameter = std::optional<std::string>;
    const std::string what_it_is =
        what == backend_signal::terminate ? "terminating a session" : "cancelling a statement";
    std::array<parameter, 6> parameters{std::to_string(pid)};
    if (started) {
        const auto since_1970 = started->time_since_epoch();
        parameters[1] =
            std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count());
    }
    std::optional<lock_key> key;
    if (lock) {
        key = lock->key;
        parameters[2] = std::to_string(key->bits());
        parameters[3] = std::to_string(key->objsubid());
        parameters[4] = lock->mode == lock_mode::shared ? "ShareLock" : "ExclusiveLock";
        parameters[5] = lock->granted ? "true" : "false";
    }
    constexpr std::string_view needs =
        "grant this role pg_signal_backend, or the role of the other session; a superuser's session only a "
        "superuser may end";
    const result r =
        ask(session, signal_statement(what), parameters, {.doing = what_it_is, .needs = needs, .key = key});
    const std::string_view answer = PQgetvalue(r.get(), 0, 0);
    if (answer == "own") {
        throw refused({.what = what_it_is + ": it is this session itself",
                       .advice = "release its locks, or close it",
                       .key = key});
    }
    if (answer == "hidden") {
        throw not_permitted(
            {.what = what_it_is + ": this role may not see when the session of pid " + std::to_string(pid) +
                     " started, so it may be another one by now",
             .sqlstate = std::string(sqlstate::insufficient_privilege),
             .advice = "grant this role pg_read_all_stats, or pass the lock_info of one of its locks",
             .key = key});
    }
    return answer == "sent"      ? signal_result::sent
           : answer == "changed" ? signal_result::lock_changed
                                 : signal_result::session_ended;
}

[[nodiscard]] inline signal_result signal_backend(soci::session& session, backend_signal what,
                                                  const lock_info& whose) {
    if (whose.pid == 0) {
        std::string name = whose.prepared_transaction;
        for (auto at = name.find('\''); at != std::string::npos; at = name.find('\'', at + 2)) {
            name.insert(at, 1, '\'');
        }
        throw refused({.what = "a prepared transaction has no session that could be ended or cancelled",
                       .advice = "COMMIT PREPARED '" + name + "', or ROLLBACK PREPARED '" + name + '\'',
                       .key = whose.key});
    }
    return signal_backend(session, what, whose.pid, whose.session_started, &whose);
}

} // namespace pglocks::postgres
