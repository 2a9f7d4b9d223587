// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the watch ends at the end of this statement: give it a name
// MEANING: A watch lasts as long as the object that `watch()` returns. Without a name it ends at the
// semicolon, and nobody is told of a loss.

#include <pglocks/loss_watcher.hpp>
#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    pglocks::loss_watcher watcher;
    const pglocks::advisory_lock lock(sql, "x");
    const pglocks::loss_watch watch = watcher.watch(lock);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::loss_watcher watcher;
    const pglocks::advisory_lock lock(sql, "x");
    watcher.watch(lock);
}
#endif
