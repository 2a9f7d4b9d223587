// SPDX-License-Identifier: BSL-1.0
// The code of docs/troubleshooting.md.
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <iostream>
#include <string>
#include <string_view>

namespace snippets {

void rebuild(soci::session& sql);

//! [key]
void print_key(std::string_view name) {
    const pglocks::lock_key key = pglocks::key_of<>(name); // or key_of<the lock's hash>
    std::cout << to_string(key) << '\n'; // classid=... objid=... objsubid=..., as in pg_locks
    std::cout << to_sql(key) << '\n';    // as in pg_advisory_lock(...)
}
//! [key]

//! [names]
using locks = pglocks::name_set<pglocks::hash::postgres<>, "nightly-report", "invoices">;

void print_name(const pglocks::lock_key& key) {
    std::cout << locks::name_of(key).value_or("not one of ours") << '\n';
}
//! [names]

//! [poll]
void rebuild_index(soci::session& sql) {
    pglocks::polled_advisory_lock lock(sql, "rebuild-index"); // a waiter that holds no snapshot
    rebuild(sql);
}
//! [poll]

//! [pooler]
void connect(soci::session& sql, const std::string& pooler) {
    sql.open(soci::postgresql, pooler);
    pglocks::declare_session_pooler(sql); // throws `refused` if the pooler is not in session mode
}
//! [pooler]

//! [pending]
bool hand_over(soci::session& sql) {
    return pglocks::release_pending(sql); // false: a transaction is still open, or rows are unread
}
//! [pending]

} // namespace snippets
