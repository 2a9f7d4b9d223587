// SPDX-License-Identifier: BSL-1.0
// What people do without pglocks, each way with one known mistake: the witnesses have to find them.
#include "torture/worker.hpp"

#include <string>
#include <thread>

namespace pglocks::torture {
namespace {

std::string call(std::string_view function, std::int64_t key) {
    return "select " + std::string(function) + '(' + std::to_string(key) + ')';
}

/// Believes the error of a lock_timeout, which the server may report after it has granted the lock.
bool lock_in_time(soci::session& session, const hold& wanted) {
    const auto bound = wanted.bound.value_or(std::chrono::milliseconds(20));
    session << "set lock_timeout = " +
                   std::to_string(std::chrono::ceil<std::chrono::milliseconds>(bound).count());
    try {
        session << call("pg_advisory_lock", wanted.key);
    } catch (const soci::soci_error&) {
        return false;
    }
    return true;
}

/// Does not know that the pooler may serve two clients by one backend, which then owns the lock already.
bool lock_through_pooler(soci::session& session, const hold& wanted) {
    int granted = 0;
    session << call("pg_try_advisory_lock", wanted.key) + "::int", soci::into(granted);
    return granted != 0;
}

/// A guard from before a reconnect releases, when it ends, what a guard from after it holds.
bool lock_after_reconnect(soci::session& session, const hold& wanted) {
    session << call("pg_advisory_lock", wanted.key);
    session.reconnect();
    session << call("pg_advisory_lock", wanted.key);
    session << call("pg_advisory_unlock", wanted.key);
    return true;
}

} // namespace

void worker::take_naively(const hold& wanted) {
    soci::session& session = session_.open();
    history_.asked(wanted);
    const auto kind = process_.claims.control();
    const bool granted = kind == control::naive_timeout      ? lock_in_time(session, wanted)
                         : kind == control::unchecked_pooler ? lock_through_pooler(session, wanted)
                                                             : lock_after_reconnect(session, wanted);
    if (!granted) {
        return denied(wanted, kind == control::naive_timeout ? "expired" : "busy");
    }
    history_.granted(wanted.id, session_.backend());
    static_cast<void>(
        do_protected_work(rows_.open(), wanted, [](nanoseconds pause) -> std::optional<loss_sign> {
            std::this_thread::sleep_for(pause);
            return std::nullopt;
        }));
    history_.releasing(wanted.id);
    session << call("pg_advisory_unlock", wanted.key);
    history_.ended(wanted.id, ending::released);
}

} // namespace pglocks::torture
