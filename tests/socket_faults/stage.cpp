// SPDX-License-Identifier: BSL-1.0
#include "socket_faults/stage.hpp"

#include "support/eventually.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <poll.h>

namespace pglocks::test {
namespace {

/// What was told to the release-failure handler.
struct {
    std::mutex mutex;
    std::vector<std::string> messages;
} reports;

void keep_report(const lock_error& error) noexcept {
    const std::lock_guard guard(reports.mutex);
    reports.messages.emplace_back(error.what());
}

} // namespace

others::others(const std::string& conninfo) : look_(conninfo), aside_(conninfo), holder_(conninfo) {
    failing_sockets::spare_open_sockets();
}

void others::take(std::int64_t key) { holder_.exec("select pg_advisory_lock(" + std::to_string(key) + ")"); }

void others::give_up() { holder_.exec("select pg_advisory_unlock_all()"); }

std::vector<advisory_lock_row> others::held_by(int backend) {
    auto rows = look_.advisory_locks();
    std::erase_if(rows, [&](const auto& row) { return !row.granted || row.pid != backend; });
    return rows;
}

bool others::are_alone() {
    return std::ranges::all_of(look_.advisory_locks(),
                               [&](const auto& row) { return row.pid == holder_.backend_pid(); });
}

void others::cancel(int backend) { aside_.exec("select pg_cancel_backend(" + std::to_string(backend) + ")"); }

int others::await_waiter(const std::stop_token& ended) {
    int backend = 0;
    static_cast<void>(eventually([&] {
        for (const auto& row : aside_.advisory_locks()) {
            backend = row.granted ? backend : row.pid.value_or(0);
        }
        return backend != 0 || ended.stop_requested();
    }));
    return backend;
}

stage::stage(const std::string& conninfo, others& all) : everybody(all) {
    session().open(soci::postgresql, conninfo);
    set_release_failure_handler(&keep_report);
}

void stage::expect(bool condition, const char* what) {
    const failing_sockets::truce nothing_fails;
    if (!condition && !(disturbed_ && failing_sockets::has_failed())) {
        complain("not so: ", what);
    }
}

void stage::play(const std::function<void(stage&)>& scenario, socket_fault fault, unsigned k) {
    disturbed_ = !is_harmless(fault);
    failing_sockets::arm(fault, k);
    perform(scenario);
    failed_ = failing_sockets::disarm();
    if (!error_.empty() && !(disturbed_ && failed_)) {
        complain("it ended with an error");
    }
    out_of_step_ = out_of_step_ && fault == socket_fault::out_of_memory;
    if (!out_of_step_) {
        look_at_session();
    }
    look_at_what_is_left();
    const std::lock_guard guard(reports.mutex);
    for (const auto& message : std::exchange(reports.messages, {})) {
        if (!out_of_step_) {
            complain("a release failed: ", message);
        }
    }
}

void stage::perform(const std::function<void(stage&)>& scenario) {
    try {
        scenario(*this);
    } catch (const lock_error& error) {
        error_ = error.what();
        judge(error);
    } catch (const soci::soci_error& error) {
        error_ = error.what();
        out_of_step_ = true;
    } catch (const std::exception& error) {
        error_ = error.what();
        complain("an exception that is neither pglocks' nor SOCI's");
    }
}

void stage::judge(const lock_error& error) {
    const failing_sockets::truce nothing_fails;
    if (dynamic_cast<const connection_lost*>(&error) != nullptr) {
        if (living_backend()) {
            complain("the connection counts as lost, and lives on");
        }
    } else if (dynamic_cast<const refused*>(&error) == nullptr) {
        complain("a fault of the connection is not called its loss");
    }
    if (dynamic_cast<const refused*>(&error) == nullptr &&
        (error.sqlstate().empty() || error.advice().empty())) {
        complain("an error without SQLSTATE or advice");
    }
}

std::optional<int> stage::living_backend() {
    const auto* const backend = static_cast<soci::postgresql_session_backend*>(session().get_backend());
    PGconn* const conn = backend == nullptr ? nullptr : backend->conn_;
    if (conn == nullptr || PQstatus(conn) != CONNECTION_OK) {
        return std::nullopt;
    }
    pollfd socket{PQsocket(conn), POLLRDHUP, 0};
    if (::poll(&socket, 1, 0) != 0) {
        return std::nullopt;
    }
    return PQbackendPID(conn);
}

/// The session is usable, or known to be dead.
void stage::look_at_session() {
    try {
        if (living_backend()) {
            use_session();
        } else if (const try_advisory_lock lock(session(), 99); true) {
            complain("a lock is taken on a broken connection");
        }
    } catch (const connection_lost& error) {
        if (living_backend()) {
            complain("afterwards: ", error.what());
        }
    } catch (const refused& error) {
        if (living_backend()) {
            complain("afterwards: ", error.what());
        }
    } catch (const std::exception& error) {
        complain("afterwards: ", error.what());
    }
}

void stage::use_session() {
    const auto status = PQtransactionStatus(postgres::libpq_connection(session()));
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
        sql("rollback");
    }
    if (!release_pending(session())) {
        complain("afterwards a release is pending");
    }
    compare_with_server();
    for (int i = 1; i <= 3; ++i) { // each answer belongs to its question
        int answer = 0;
        session() << "select " << i, soci::into(answer);
        if (answer != i) {
            complain("afterwards select ", i, " answers ", answer);
        }
    }
    const try_advisory_lock lock(session(), 99);
    compare_with_server(lock);
    if (!lock.owns_lock()) {
        complain("afterwards a free key is not to be had");
    }
}

void stage::look_at_what_is_left() {
    std::size_t position = 0;
    if (pool.try_lease(position, 0)) {
        pool.give_back(position);
    } else {
        complain("the session was not given back to the pool");
    }
    session().close();
    failing_sockets::close_timed_out();
    everybody.give_up(); // the server does not notice that a client has gone which waits for a lock
    if (!eventually([&] { return everybody.are_alone(); })) {
        complain("something is held or waited for after the session has ended");
    }
}

} // namespace pglocks::test
