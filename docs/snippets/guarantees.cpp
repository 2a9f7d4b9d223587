// SPDX-License-Identifier: BSL-1.0
// The code of docs/explanation/guarantees.md.
#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <vector>

namespace snippets {

struct order {
    int id = 0;
};
std::vector<order> open_orders(soci::session& sql);
void bill(soci::session& sql, const order& o);

//! [lost]
void bill_everything(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "billing");
    for (const order& o : open_orders(sql)) {
        if (lock.lost()) { // no round trip; true within milliseconds of the server's goodbye
            return;
        }
        bill(sql, o); // and what must not happen twice needs a unique constraint of its own
    }
}
//! [lost]

//! [before begin]
int next_number(soci::session& sql) {
    pglocks::advisory_lock lock(sql, "numbers"); // waits before the snapshot is taken
    pglocks::transaction transaction(sql);
    sql << "set transaction isolation level repeatable read";
    int last = 0;
    sql << "select coalesce(max(number), 0) from numbers", soci::into(last);
    const int next = last + 1;
    sql << "insert into numbers (number) values (:next)", soci::use(next);
    transaction.commit();
    return next;
}
//! [before begin]

} // namespace snippets
