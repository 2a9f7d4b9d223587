// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/pglocks.hpp>

#include "socket_faults/failing_sockets.hpp"
#include "support/observer.hpp"

#include <libpq-fe.h>
#include <soci/soci.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pglocks::test {

/// Everybody else: connections whose sockets never fail.
class others {
public:
    /// *Throws*: sql_error.
    explicit others(const std::string& conninfo);

    /// Another session takes a key of the bigint kind, or gives back all it has.
    void take(std::int64_t key);
    void give_up();

    /// What a backend holds.
    [[nodiscard]] std::vector<advisory_lock_row> held_by(int backend);
    /// Whether nobody but that other session holds or waits for anything.
    [[nodiscard]] bool are_alone();

    /// What happens, in a thread of its own, when somebody waits for a lock; else when the object ends.
    template <class Function>
    [[nodiscard]] std::jthread when_somebody_waits(Function function) {
        return std::jthread(
            [this, function](const std::stop_token& ended) { function(await_waiter(ended)); });
    }
    /// Cancels what a backend does. To be called by the function above.
    void cancel(int backend);

private:
    /// \returns the backend that waits, 0 if none did until the end.
    int await_waiter(const std::stop_token& ended);

    observer look_;
    observer aside_; ///< for the other thread
    observer holder_;
};

/// Where one scenario is played once: its session, and the comparison of what its locks say with pg_locks.
class stage {
public:
    stage(const std::string& conninfo, others& all);

    /// The only session of the pool: its connection has the faults.
    [[nodiscard]] soci::session& session() { return pool.at(0); }
    soci::connection_pool pool{1};
    others& everybody;

    /// An ordinary statement of the user's. *Throws*: soci_error.
    void sql(const std::string& statement) { session() << statement; }

    /// What must be so if nothing, or something harmless, befalls the scenario.
    void expect(bool condition, const char* what);

    /// Compares what the locks say with what the server says. All locks of the session must be given.
    template <class... Lock>
    void compare_with_server(const Lock&... locks) {
        const failing_sockets::truce nothing_fails;
        const auto backend = living_backend();
        auto held = backend ? everybody.held_by(*backend) : std::vector<advisory_lock_row>();
        (compare(locks, backend, held), ...);
        for (const auto& row : held) {
            complain("what no lock of the session owns is held: ", row);
        }
    }

    /// Plays it, and looks at what it leaves.
    void play(const std::function<void(stage&)>& scenario, socket_fault fault, unsigned k);

    /// The call that was failed, if there was one.
    [[nodiscard]] std::optional<socket_call> failed_call() const noexcept { return failed_; }
    /// How the scenario ended, if by an exception.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    /// What was not true.
    [[nodiscard]] const std::vector<std::string>& complaints() const noexcept { return complaints_; }

private:
    /// The process ID of the session's backend, if the connection is not known to be broken.
    [[nodiscard]] std::optional<int> living_backend();

    template <class Lock>
    void compare(const Lock& lock, std::optional<int> backend, std::vector<advisory_lock_row>& held) {
        const bool is_held =
            std::erase_if(held, [&](const advisory_lock_row& row) {
                return (row.mode == lock_mode::shared) == Lock::mode_policy::is_shared &&
                       lock_key::from_pg_locks(row.classid, row.objid,
                                               static_cast<std::uint16_t>(row.objsubid)) == lock.key();
            }) > 0;
        const std::string key = to_string(lock.key());
        if constexpr (!requires { lock.lost(); }) {
            if (backend && PQtransactionStatus(postgres::libpq_connection(session())) == PQTRANS_INTRANS &&
                lock.owns_lock() != is_held) {
                complain("a transaction lock ",
                         is_held ? "was not granted, and is held: " : "is not held: ", key);
            }
        } else if (!backend) {
            if (lock.owns_lock() && !lock.lost()) {
                complain("a lock is owned, and not lost, on a broken connection: ", key);
            }
        } else if (lock.owns_lock() && (!is_held || lock.backend_pid() != *backend)) {
            complain("a lock is owned, and not held: ", key);
        } else if (!lock.owns_lock() && is_held && !lock.pending()) {
            complain("a lock is neither owned nor pending, and is held: ", key);
        }
    }

    template <class... Part>
    void complain(const Part&... parts) {
        std::ostringstream text;
        (text << ... << parts);
        complaints_.push_back(text.str());
    }

    void perform(const std::function<void(stage&)>& scenario);
    void judge(const lock_error& error);
    void look_at_session();
    void use_session();
    void look_at_what_is_left();

    bool disturbed_ = false; ///< a fault may change how the scenario ends
    /// A statement of the user's met a fault that libpq does not take for a loss: what it left unread nobody
    /// knows.
    bool out_of_step_ = false;
    std::optional<socket_call> failed_;
    std::string error_;
    std::vector<std::string> complaints_;
};

} // namespace pglocks::test
