// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key.hpp>

#include <soci/soci.h>

#include <string>
#include <string_view>
#include <vector>

namespace example {

/// A session that holds a lock, or waits for it, as the server sees it.
struct lock_row {
    std::string who; ///< its application_name
    bool granted = false;
    std::string waits_for; ///< who holds the lock, if it waits
    std::string behind;    ///< who is before it in the queue
};

/// Gives the session a name for lock_row::who.
void introduce(soci::session& sql, const std::string& name);

/// What pg_locks says about a key: the holders, then those that wait, each in the order in which they
/// connected.
[[nodiscard]] std::vector<lock_row> pg_locks(soci::session& sql, pglocks::lock_key key);

/// Those that hold the lock.
[[nodiscard]] std::string holders(soci::session& sql, pglocks::lock_key key);

/// Waits until the server has put `who` into the lock's queue, and says whom it waits for. *Throws*:
/// std::runtime_error, if it does not come.
[[nodiscard]] std::string see_waiting(soci::session& sql, pglocks::lock_key key, std::string_view who);

} // namespace example
