// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/inspect/lock_info.hpp>
#include <pglocks/inspect/not_permitted.hpp>
#include <pglocks/postgres/signal_statement.hpp>

#include <soci/session.h>

namespace pglocks {

/// Ends the session of a holder or a waiter, and with it all its locks: `pg_terminate_backend`.
///
/// Nothing in pglocks calls this by itself. It is sent only if, in the same statement, the session is still
/// the one that was seen (its pid and when it started) and still holds, or waits for, this lock: neither
/// another session under the same pid nor one that has let go meanwhile is ended. (Within the microseconds
/// between the look and the signal PostgreSQL itself has no guard.) Its program finds its connection lost,
/// and its transaction is rolled back. The session ends a moment after the signal: look at `holders` to see
/// it gone.
///
/// *Requires*: the role is the other session's, or a member of it or of `pg_signal_backend`; for a
/// superuser's session, a superuser.
/// *Throws*: `not_permitted` otherwise; `refused` for a prepared transaction, which has no session, and for
/// `session` itself; as `inspect`. Cost: one round trip.
[[nodiscard("pglocks: it may not have been sent: look at the result")]]
inline signal_result terminate_backend(soci::session& session, const lock_info& whose) {
    return postgres::signal_backend(session, postgres::backend_signal::terminate, whose);
}

/// Cancels what the session of a waiter, or of a holder, is doing: `pg_cancel_backend`.
///
/// A waiter leaves the queue with an error (57014). A holder's statement is cancelled, and its transaction
/// fails; that releases no session-level lock, and no lock at all of a session that is idle. Guards,
/// *Requires*, *Throws* and cost: as `terminate_backend`.
[[nodiscard("pglocks: it may not have been sent: look at the result")]]
inline signal_result cancel_backend(soci::session& session, const lock_info& whose) {
    return postgres::signal_backend(session, postgres::backend_signal::cancel, whose);
}

/// As above for any session of the server, whatever it locks: `session_started` is `lock_info`'s, or
/// `pg_stat_activity.backend_start` to the microsecond.
///
/// *Throws*: `not_permitted`, too, if this role may not see when the session started.
[[nodiscard("pglocks: it may not have been sent: look at the result")]]
inline signal_result terminate_backend(soci::session& session, int pid,
                                       lock_info::time_point session_started) {
    return postgres::signal_backend(session, postgres::backend_signal::terminate, pid, session_started);
}
/// As above for any session of the server, whatever it locks.
[[nodiscard("pglocks: it may not have been sent: look at the result")]]
inline signal_result cancel_backend(soci::session& session, int pid, lock_info::time_point session_started) {
    return postgres::signal_backend(session, postgres::backend_signal::cancel, pid, session_started);
}

} // namespace pglocks
