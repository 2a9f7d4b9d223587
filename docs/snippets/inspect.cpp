// SPDX-License-Identifier: BSL-1.0
// The code of docs/how-to/inspect_and_unblock.md.
#include <pglocks/inspect.hpp>
#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <iostream>

namespace snippets {

using namespace std::chrono_literals;
void import(soci::session& sql);

//! [list]
using locks = pglocks::name_set<pglocks::hash::postgres<>, "nightly-report", "invoices">;

void print_locks(soci::session& sql) {
    pglocks::name_registry names;
    names.add_set<locks>().add<pglocks::interop::django_pglocks>("nightly-report");
    for (const pglocks::lock_info& info : pglocks::inspect(sql)) {
        std::cout << names.label(info.key) << ' ' << describe(info) << '\n';
    }
}
//! [list]

//! [one]
using invoice_lock = pglocks::basic_advisory_lock<pglocks::interop::django_pglocks>;

void look(soci::session& sql) {
    const auto held = pglocks::holders(sql, "nightly-report"); // by its key under the default hash
    const auto queue = pglocks::waiters<invoice_lock>(sql, "invoice:17");
    const bool busy = pglocks::is_locked(sql, {4711, 17}); // any key
    std::cout << held.size() << ' ' << queue.size() << ' ' << busy << '\n';
}
//! [one]

//! [timeout]
void import_or_name_who_has_it(soci::session& sql) {
    const pglocks::timed_advisory_lock lock(sql, "import", 5s);
    pglocks::require_acquired(sql, lock, "import"); // throws not_acquired, whose message names who has it
    import(sql);
}
//! [timeout]

//! [error]
void import_or_say_who(soci::session& sql, soci::session& other) {
    try {
        const pglocks::advisory_lock lock(sql, "import");
        import(sql);
    } catch (pglocks::lock_error& error) {
        pglocks::add_holders(other, error);
        throw;
    }
}
//! [error]

//! [unblock]
void end_idle_holders(soci::session& sql, pglocks::lock_key key) {
    for (const pglocks::lock_info& holder : pglocks::holders(sql, key)) {
        if (holder.state == "idle in transaction" && holder.state_age() > 1h) {
            const bool sent = pglocks::terminate_backend(sql, holder) == pglocks::signal_result::sent;
            std::cout << describe(holder) << (sent ? ": told to end\n" : ": has let go by itself\n");
        }
    }
}
//! [unblock]

} // namespace snippets
