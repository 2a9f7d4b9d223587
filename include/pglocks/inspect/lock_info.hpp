// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pglocks {

/// Who else may hold a lock, as `pg_locks.mode` shows it.
enum class lock_mode : std::uint8_t {
    exclusive, ///< nobody else (`ExclusiveLock`)
    shared     ///< other shared holders (`ShareLock`)
};

/// One advisory lock that one session, or one prepared transaction, holds or waits for.
///
/// One object stands for any number of holds of one session on one key in one mode, at session and at
/// transaction scope: PostgreSQL does not tell them apart. What is `std::nullopt` is unknown: the session is
/// another role's and this role is no member of `pg_read_all_stats` (or `pg_monitor`), or there is no such
/// thing.
///
/// Sources: PostgreSQL 15 manual, 54.12 (pg_locks), 28.2.3 (pg_stat_activity), 9.26 (pg_blocking_pids).
struct lock_info {
    /// The server's clock; the client's may differ, so ages are the difference to `seen_at`.
    using time_point = std::chrono::system_clock::time_point;

    lock_key key = 0;                      ///< what is locked
    lock_mode mode = lock_mode::exclusive; ///< who else may hold it
    bool granted = false;                  ///< held; otherwise waited for

    int pid = 0;               ///< of the backend; 0 for a prepared transaction
    std::string user{};        ///< empty if the session ended while it was looked at
    std::string application{}; ///< `application_name`
    /// Empty for a Unix socket. Through a pooler it is the pooler's.
    std::optional<std::string> client_address{};
    std::optional<int> client_port{}; ///< of TCP; none for a Unix socket
    /// `active`, `idle`, `idle in transaction`, ...
    std::optional<std::string> state{};
    /// The statement that runs, or the last one; what takes a lock through the fast path does not show in it.
    std::optional<std::string> query{};
    std::string prepared_transaction{}; ///< for `COMMIT PREPARED` and `ROLLBACK PREPARED`

    time_point seen_at{};                            ///< when the server was asked
    std::optional<time_point> waiting_since{};       ///< from PostgreSQL 14 on
    std::optional<time_point> session_started{};     ///< tells sessions with one pid apart
    std::optional<time_point> transaction_started{}; ///< or prepared; none if no transaction is open
    std::optional<time_point> state_changed{};       ///< since when `state` is what it is

    /// Whose end it waits for, in order: those that hold the lock in a conflicting mode, and those that wait
    /// for it so in front. 0 is a prepared transaction.
    std::vector<int> blocked_by{};

    /// How long it had waited when it was seen.
    [[nodiscard]] std::optional<std::chrono::microseconds> waiting_for() const { return age(waiting_since); }
    /// How old its session was.
    [[nodiscard]] std::optional<std::chrono::microseconds> session_age() const {
        return age(session_started);
    }
    /// How long its transaction had been open, or prepared.
    [[nodiscard]] std::optional<std::chrono::microseconds> transaction_age() const {
        return age(transaction_started);
    }
    /// How long its session had been in `state`.
    [[nodiscard]] std::optional<std::chrono::microseconds> state_age() const { return age(state_changed); }

private:
    [[nodiscard]] std::optional<std::chrono::microseconds> age(std::optional<time_point> since) const {
        return since ? std::optional(std::chrono::duration_cast<std::chrono::microseconds>(seen_at - *since))
                     : std::nullopt;
    }
};

} // namespace pglocks
