// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/heartbeat.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <poll.h>

namespace pglocks::postgres {

/// The heartbeats of one connection, which is lent for them; at most one is under way.
class pulse {
public:
    using time_point = std::chrono::steady_clock::time_point;

    pulse(PGconn* conn, heartbeat beat) noexcept
        : conn_(conn),
          beat_(beat),
          due_(pglocks::detail::deadline_after(beat.every)) {}

    /// A heartbeat has been sent, and its answer has not come yet.
    [[nodiscard]] bool is_under_way() const noexcept { return under_way_; }

    /// When the next heartbeat is due, or the answer to the one that is under way.
    [[nodiscard]] time_point due() const noexcept { return due_; }

    /// Sends a heartbeat, an empty statement, which takes no snapshot and is allowed in a failed transaction;
    /// false if the connection is lost.
    [[nodiscard]] bool send() noexcept {
        due_ = pglocks::detail::deadline_after(beat_.every);
        if (PQtransactionStatus(conn_) == PQTRANS_ACTIVE || PQpipelineStatus(conn_) != PQ_PIPELINE_OFF) {
            return true; // not idle, as it should be: its owner will notice a loss
        }
        if (PQsendQuery(conn_, "") == 0) {
            return false;
        }
        under_way_ = true;
        due_ = pglocks::detail::deadline_after(beat_.within);
        return true;
    }

    /// Reads what there is of the answer; false if the connection is lost.
    [[nodiscard]] bool receive() noexcept {
        if (!under_way_) {
            return true;
        }
        if (PQconsumeInput(conn_) == 0) {
            return false;
        }
        while (PQisBusy(conn_) == 0) {
            if (!result(PQgetResult(conn_))) {
                under_way_ = false;
                due_ = pglocks::detail::deadline_after(beat_.every);
                break;
            }
        }
        return PQstatus(conn_) == CONNECTION_OK;
    }

    /// Waits for the answer to a heartbeat that is under way; false if none came in time.
    [[nodiscard]] bool finish() noexcept {
        while (under_way_) {
            pollfd socket{PQsocket(conn_), POLLIN, 0};
            ::poll(&socket, 1, pglocks::detail::milliseconds_until(due_));
            const bool late = pglocks::detail::has_expired(due_); // what is here by now counts
            if (!receive() || (under_way_ && late)) {
                return false;
            }
        }
        return true;
    }

private:
    PGconn* conn_;
    heartbeat beat_;
    bool under_way_ = false;
    time_point due_;
};

} // namespace pglocks::postgres
