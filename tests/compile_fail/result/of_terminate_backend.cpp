// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: it may not have been sent: look at the result
// MEANING: The session may have ended, or let go of the lock, since it was looked at. Then no signal is
// sent, and the result says so.

#include <pglocks/inspect.hpp>
#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

bool control(soci::session& sql, const pglocks::lock_info& holder) {
    return pglocks::terminate_backend(sql, holder) == pglocks::signal_result::sent;
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const pglocks::lock_info& holder) { pglocks::terminate_backend(sql, holder); }
#endif
