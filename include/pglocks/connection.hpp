// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/key.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string_view>

namespace pglocks {

/// Several keys in their order (`lock_key`'s), each once.
using lock_keys = std::span<const lock_key>;

/// The part of a lock's policies that its server must know.
struct lock_kind {
    bool ends_with_transaction = false; ///< the transaction-level functions of SQL
    bool shared = false;                ///< the functions in `_shared`

    friend constexpr bool operator==(lock_kind, lock_kind) noexcept = default;
};

/// How a release went.
enum class release_result : std::uint8_t {
    released, ///< the server has released it
    pending,  ///< it will be released when the transaction has ended, or the connection is no longer busy
    lost,     ///< the connection is gone, and the lock with it
    not_held, ///< the server says that it was not held
    failed    ///< something else went wrong, and was reported to the release-failure handler
};

/// What a lock needs of a connection: modelled by `postgres::connection` for one key, by
/// `postgres::set_connection` for several, `What` being `lock_keys`: all of them are taken, or none.
///
/// A connection is a handle on state that all locks of one session share. It counts the holds that locks own.
/// - `C(session)`: the handle of a session's connection; throws if the session has none. `use(session)` makes
///   one of it, if it is not one already.
/// - `admit(kind, key, deadline, stop)`: throws `refused` or `connection_lost` if such a lock cannot be had
///   now; everything else that can fail before the first byte is sent fails here. Sends what releases are
///   pending. The deadline and the stop bound how long the answers may take.
/// - `attempt(kind, key, deadline, stop)`: one try, bounded likewise; one that was cut short counts as one
///   that found the lock held.
/// - `queue(kind, key, deadline, stop)`: waits in the server's queue.
/// - `adopt(kind, key)`: takes over a hold of the session's that no lock owns; `disown(kind, key)` leaves
///   one to it.
/// - `release(kind, key, name)`: gives one hold back. Never throws.
/// - `alive()`: nothing is known of a loss. `hung_up()`: asks the operating system, too.
/// - `pending(kind, key)`: a release of this lock has yet to be sent.
template <class C, class What = lock_key>
concept lock_connection =
    std::default_initializable<C> && std::movable<C> &&
    requires(C& c, const C& observed, typename C::session_type& session, lock_kind kind, What key,
             deadline until, const std::stop_token& stop, std::string_view name) {
        C(session);
        c.use(session);
        c.admit(kind, key, until, stop);
        { c.attempt(kind, key, until, stop) } -> std::same_as<bool>;
        { c.queue(kind, key, until, stop) } -> std::same_as<outcome>;
        c.adopt(kind, key);
        c.disown(kind, key);
        { c.release(kind, key, name) } noexcept -> std::same_as<release_result>;
        { observed.alive() } noexcept -> std::same_as<bool>;
        { observed.hung_up() } noexcept -> std::same_as<bool>;
        { observed.pending(kind, key) } noexcept -> std::same_as<bool>;
        { observed.backend_pid() } noexcept -> std::same_as<int>;
    };

} // namespace pglocks
