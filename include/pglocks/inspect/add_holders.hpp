// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>
#include <pglocks/inspect/describe.hpp>
#include <pglocks/inspect/locks_of.hpp>

#include <soci/error.h>
#include <soci/session.h>

namespace pglocks {

/// Adds to a caught error who holds its lock now and who waits for it; then `throw;` tells it on.
///
/// ```
/// } catch (pglocks::lock_error& error) {
///     pglocks::add_holders(other, error);
///     throw;
/// }
/// ```
///
/// For errors without a key it does nothing. It never replaces the error by another: where the question
/// fails, the message says why instead.
///
/// \param error the error that was caught
/// \param session whom to ask. After an error in a transaction its own session answers nothing until the
/// rollback: give another one, in the same database.
///
/// *Throws*: `std::bad_alloc`. Cost: one round trip.
inline void add_holders(soci::session& session, lock_error& error) {
    if (!error.key()) {
        return;
    }
    try {
        const auto locks = inspect(session, *error.key());
        error.add_detail(locks.empty() ? "now held by nobody" : "now " + describe(locks));
    } catch (const soci::soci_error& why) {
        error.add_detail(std::string("its holders are not known: ") + why.what());
    }
}

} // namespace pglocks
