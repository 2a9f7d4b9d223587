// SPDX-License-Identifier: BSL-1.0
#include "support/observer.hpp"

#include <charconv>
#include <ostream>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace pglocks::test {
namespace {

constexpr int bigint_subid = 1;
constexpr int pair_subid = 2;

const char* field(const PGresult* rows, int row, int column) { return PQgetvalue(rows, row, column); }

template <class Integer>
Integer integer_field(const PGresult* rows, int row, int column) {
    const std::string_view text = field(rows, row, column);
    Integer value{};
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        throw std::logic_error("the server sent '" + std::string(text) + "' where an integer was expected");
    return value;
}

lock_mode mode_of(std::string_view name) {
    if (name == "ExclusiveLock")
        return lock_mode::exclusive;
    if (name == "ShareLock")
        return lock_mode::shared;
    throw std::logic_error("pg_locks shows an advisory lock in the unknown mode " + std::string(name));
}

/// libpq ends its messages with a newline.
std::string message_of(const PGconn* connection) {
    std::string message = PQerrorMessage(connection);
    message.erase(message.find_last_not_of('\n') + 1);
    return message;
}

} // namespace

std::optional<std::int64_t> advisory_lock_row::bigint_key() const noexcept {
    if (objsubid != bigint_subid)
        return std::nullopt;
    return static_cast<std::int64_t>(std::uint64_t{classid} << 32 | objid);
}

std::optional<std::pair<std::int32_t, std::int32_t>> advisory_lock_row::pair_key() const noexcept {
    if (objsubid != pair_subid)
        return std::nullopt;
    return std::pair{static_cast<std::int32_t>(classid), static_cast<std::int32_t>(objid)};
}

std::ostream& operator<<(std::ostream& out, const advisory_lock_row& row) {
    if (const auto bigint = row.bigint_key())
        out << "key " << *bigint;
    else if (const auto pair = row.pair_key())
        out << "key (" << pair->first << ", " << pair->second << ')';
    else
        out << "objsubid " << row.objsubid << " (" << row.classid << ", " << row.objid << ')';
    out << (row.mode == lock_mode::shared ? " shared" : " exclusive")
        << (row.granted ? " held" : " waited for");
    out << " in database " << row.database << " by ";
    return row.pid ? out << "pid " << *row.pid : out << "a prepared transaction";
}

observer::observer(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw sql_error(message_of(connection_.get()), "");
}

observer::result observer::query(const std::string& sql) {
    result rows(PQexec(connection_.get(), sql.c_str()));
    const auto status = PQresultStatus(rows.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
        const char* sqlstate = PQresultErrorField(rows.get(), PG_DIAG_SQLSTATE);
        throw sql_error(sql + ": " + message_of(connection_.get()), sqlstate == nullptr ? "" : sqlstate);
    }
    return rows;
}

std::vector<advisory_lock_row> observer::advisory_locks() {
    const auto rows =
        query("select database, classid, objid, objsubid, mode, granted, pid from pg_catalog.pg_locks "
              "where locktype = 'advisory' and database = (select oid from pg_catalog.pg_database "
              "where datname = pg_catalog.current_database()) "
              "order by objsubid, classid, objid, granted desc, waitstart, pid");
    std::vector<advisory_lock_row> locks;
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
        const auto* const from = rows.get();
        auto& lock = locks.emplace_back();
        lock.database = integer_field<Oid>(from, row, 0);
        lock.classid = integer_field<Oid>(from, row, 1);
        lock.objid = integer_field<Oid>(from, row, 2);
        lock.objsubid = integer_field<int>(from, row, 3);
        lock.mode = mode_of(field(from, row, 4));
        lock.granted = std::string_view(field(from, row, 5)) == "t";
        if (PQgetisnull(from, row, 6) == 0)
            lock.pid = integer_field<int>(from, row, 6);
    }
    return locks;
}

template <class Key>
std::vector<advisory_lock_row> observer::locks_of(const Key& key, bool granted) {
    auto locks = advisory_locks();
    std::erase_if(locks, [&](const advisory_lock_row& row) {
        if constexpr (std::is_integral_v<Key>)
            return row.granted != granted || row.bigint_key() != key;
        else
            return row.granted != granted || row.pair_key() != key;
    });
    return locks;
}

std::vector<advisory_lock_row> observer::holders(std::int64_t key) { return locks_of(key, true); }
std::vector<advisory_lock_row> observer::holders(std::int32_t first, std::int32_t second) {
    return locks_of(std::pair{first, second}, true);
}
std::vector<advisory_lock_row> observer::waiters(std::int64_t key) { return locks_of(key, false); }
std::vector<advisory_lock_row> observer::waiters(std::int32_t first, std::int32_t second) {
    return locks_of(std::pair{first, second}, false);
}

void observer::exec(const std::string& sql) { static_cast<void>(query(sql)); }

std::string observer::value(const std::string& sql) {
    const auto rows = query(sql);
    if (PQntuples(rows.get()) != 1 || PQnfields(rows.get()) != 1 || PQgetisnull(rows.get(), 0, 0) != 0)
        throw std::logic_error("this query does not give one value: " + sql);
    return field(rows.get(), 0, 0);
}

int observer::backend_pid() const noexcept { return PQbackendPID(connection_.get()); }

std::string quoted_identifier(const std::string& name) {
    std::string text = "\"";
    for (const char c : name)
        text += c == '"' ? "\"\"" : std::string(1, c);
    return text + '"';
}

} // namespace pglocks::test
