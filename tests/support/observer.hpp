// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pglocks::test {

/// The server refused a statement, or could not be reached.
class sql_error : public std::runtime_error {
public:
    sql_error(const std::string& message, std::string sqlstate)
        : std::runtime_error(message),
          sqlstate_(std::move(sqlstate)) {}

    /// Five characters, or nothing if the error is not the server's.
    [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }

private:
    std::string sqlstate_;
};

enum class lock_mode : std::uint8_t { exclusive, shared };

/// A row of pg_locks of locktype advisory, its columns as the server has them: the keys unsigned.
///
/// Source: PostgreSQL 15 manual, section 54.12, pg_locks.
struct advisory_lock_row {
    Oid database = 0;
    Oid classid = 0;
    Oid objid = 0;
    int objsubid = 0;
    lock_mode mode = lock_mode::exclusive;
    bool granted = false;
    std::optional<int> pid; ///< of the backend; none for a prepared transaction

    /// The key, if it is of the bigint kind (objsubid 1).
    [[nodiscard]] std::optional<std::int64_t> bigint_key() const noexcept;

    /// The key, if it is of the (integer, integer) kind (objsubid 2).
    [[nodiscard]] std::optional<std::pair<std::int32_t, std::int32_t>> pair_key() const noexcept;

    friend bool operator==(const advisory_lock_row&, const advisory_lock_row&) = default;
};

std::ostream& operator<<(std::ostream& out, const advisory_lock_row& row);

/// A plain libpq connection that looks at the locks of its database from outside.
class observer {
public:
    /// *Throws*: sql_error, if it cannot connect.
    explicit observer(const std::string& conninfo);

    /// All advisory locks in this connection's database, held and waited for, this connection's own included.
    [[nodiscard]] std::vector<advisory_lock_row> advisory_locks();

    /// The locks that are held under a key.
    [[nodiscard]] std::vector<advisory_lock_row> holders(std::int64_t key);
    [[nodiscard]] std::vector<advisory_lock_row> holders(std::int32_t first, std::int32_t second);

    /// The locks that are waited for under a key.
    [[nodiscard]] std::vector<advisory_lock_row> waiters(std::int64_t key);
    [[nodiscard]] std::vector<advisory_lock_row> waiters(std::int32_t first, std::int32_t second);

    /// Runs one statement or several, and drops their results.
    /// *Throws*: sql_error.
    void exec(const std::string& sql);

    /// The one value that a query gives, as text.
    /// *Throws*: sql_error; std::logic_error, if it is not exactly one value, or null.
    [[nodiscard]] std::string value(const std::string& sql);

    /// The id of the backend, as it was told at login.
    [[nodiscard]] int backend_pid() const noexcept;

private:
    struct libpq_deleter {
        void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
        void operator()(PGresult* result) const noexcept { PQclear(result); }
    };
    using result = std::unique_ptr<PGresult, libpq_deleter>;

    [[nodiscard]] result query(const std::string& sql);
    template <class Key>
    std::vector<advisory_lock_row> locks_of(const Key& key, bool granted);

    std::unique_ptr<PGconn, libpq_deleter> connection_;
};

/// The text as an SQL identifier, in double quotes.
[[nodiscard]] std::string quoted_identifier(const std::string& name);

} // namespace pglocks::test
