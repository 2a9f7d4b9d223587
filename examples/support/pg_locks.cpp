// SPDX-License-Identifier: BSL-1.0
#include "pg_locks.hpp"

#include "child.hpp"
#include "interruption.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace example {

void introduce(soci::session& sql, const std::string& name) {
    std::string now;
    sql << "select set_config('application_name', :name, false)", soci::use(name), soci::into(now);
}

std::vector<lock_row> pg_locks(soci::session& sql, pglocks::lock_key key) {
    const long long classid = key.classid();
    const long long objid = key.objid();
    const int objsubid = key.objsubid();
    const soci::rowset<soci::row> found =
        (sql.prepare << R"(
            with lock as (
                select application_name as who, pid, granted, backend_start
                from pg_locks as l join pg_stat_activity using (pid)
                where locktype = 'advisory' and classid = cast(:classid as bigint) and objid = cast(:objid as bigint)
                  and objsubid = cast(:objsubid as integer)
                  and l.database = (select oid from pg_database where datname = current_database()))
            select lock.who, lock.granted::integer,
                   coalesce(string_agg(other.who, ', ' order by other.backend_start) filter (where other.granted), ''),
                   coalesce(string_agg(other.who, ', ' order by other.backend_start) filter (where not other.granted), '')
            from lock left join lock as other on other.pid = any (pg_blocking_pids(lock.pid))
            group by lock.who, lock.pid, lock.granted, lock.backend_start
            order by lock.granted desc, lock.backend_start)",
         soci::use(classid, "classid"), soci::use(objid, "objid"), soci::use(objsubid, "objsubid"));
    std::vector<lock_row> rows;
    for (const soci::row& row : found) {
        rows.push_back({.who = row.get<std::string>(0),
                        .granted = row.get<int>(1) != 0,
                        .waits_for = row.get<std::string>(2),
                        .behind = row.get<std::string>(3)});
    }
    return rows;
}

std::string holders(soci::session& sql, pglocks::lock_key key) {
    std::string names;
    for (const lock_row& row : pg_locks(sql, key)) {
        if (row.granted) {
            names += (names.empty() ? "" : ", ") + row.who;
        }
    }
    return names;
}

std::string see_waiting(soci::session& sql, pglocks::lock_key key, std::string_view who) {
    for (const auto deadline = clock::now() + patience; clock::now() < deadline;) {
        stop_if_interrupted();
        for (const lock_row& row : pg_locks(sql, key)) {
            if (row.who == who && !row.granted) {
                return "waits for " + row.waits_for + (row.behind.empty() ? "" : ", behind " + row.behind);
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    throw std::runtime_error(std::string(who) + " was to wait in the lock's queue, and does not come");
}

} // namespace example
