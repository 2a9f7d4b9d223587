// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/inspect/lock_info.hpp>
#include <pglocks/key_of.hpp>
#include <pglocks/name.hpp>
#include <pglocks/postgres/lock_query.hpp>

#include <soci/session.h>

#include <optional>
#include <string_view>
#include <vector>

namespace pglocks {

namespace detail {

/// The hash that names go by: `By` itself, or that of a lock type or a `name_set`.
template <class By>
struct hash_of {
    using type = By;
};
template <class By>
    requires requires { typename By::hash_policy; }
struct hash_of<By> {
    using type = typename By::hash_policy;
};

template <class By, class Name>
[[nodiscard]] constexpr lock_key key_by(const Name& name) {
    if constexpr (is_name_constant<Name>) {
        return key_of<typename hash_of<By>::type>(Name::value);
    } else {
        return key_of<typename hash_of<By>::type>(name);
    }
}

using default_hash = axis_traits<axis::hash>::default_policy;

} // namespace detail

/// Every advisory lock in the session's database, held or waited for, this session's own included; ordered by
/// key, those granted first, then as they wait in the queue.
///
/// Takes no lock and changes nothing; allowed in a transaction, a read-only one too, on a standby (whose
/// locks are its own) and behind any pooler. The server looks at locks, sessions and blockers one after the
/// other, so two rows may be a moment apart; asking costs it what reading `pg_locks` costs, and for each
/// waiter what `pg_blocking_pids` costs, which holds all lock traffic up for microseconds: do not ask in a
/// tight loop.
///
/// *Throws*: `refused` in a transaction that has failed (ask on another session), on a busy connection, and
/// if the session is not open; `connection_lost`; `not_permitted` if an administrator has revoked the
/// functions below `pg_locks`; another `lock_error` for what else the server says. Cost: one round trip.
[[nodiscard]] inline std::vector<lock_info> inspect(soci::session& session) {
    return postgres::read_locks(session, std::nullopt, std::nullopt);
}

/// As above, the locks of one key.
[[nodiscard]] inline std::vector<lock_info> inspect(soci::session& session, lock_key key) {
    return postgres::read_locks(session, key, std::nullopt);
}

/// Who holds a lock. *Throws* and cost: as `inspect`.
[[nodiscard]] inline std::vector<lock_info> holders(soci::session& session, lock_key key) {
    return postgres::read_locks(session, key, true);
}

/// Who waits for a lock in the server's queue, in its order; who polls is not seen. *Throws* and cost: as
/// `inspect`.
[[nodiscard]] inline std::vector<lock_info> waiters(soci::session& session, lock_key key) {
    return postgres::read_locks(session, key, false);
}

/// Whether anybody holds a lock, in either mode, this session included. It may be otherwise when the answer
/// arrives: to do something only if a lock is free, take it with `wait::none`. *Throws* and cost: as
/// `inspect`.
[[nodiscard]] inline bool is_locked(soci::session& session, lock_key key) {
    return postgres::is_held(session, key);
}

// The same by name: `holders<pglocks::interop::django_pglocks>(sql, "nightly-report")`. `By` is a hash policy
// without state, or a lock type or `name_set` that has one. *Throws*: `refused`, too, if the hash does not
// accept the name.

/// The locks of one name.
template <class By = detail::default_hash, rule::lock_name Name>
[[nodiscard]] std::vector<lock_info> inspect(soci::session& session, const Name& name) {
    return inspect(session, detail::key_by<By>(name));
}
/// Who holds the lock of a name.
template <class By = detail::default_hash, rule::lock_name Name>
[[nodiscard]] std::vector<lock_info> holders(soci::session& session, const Name& name) {
    return holders(session, detail::key_by<By>(name));
}
/// Who waits for the lock of a name.
template <class By = detail::default_hash, rule::lock_name Name>
[[nodiscard]] std::vector<lock_info> waiters(soci::session& session, const Name& name) {
    return waiters(session, detail::key_by<By>(name));
}
/// Whether anybody holds the lock of a name.
template <class By = detail::default_hash, rule::lock_name Name>
[[nodiscard]] bool is_locked(soci::session& session, const Name& name) {
    return is_locked(session, detail::key_by<By>(name));
}

} // namespace pglocks
