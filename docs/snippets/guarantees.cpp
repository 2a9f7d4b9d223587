// SPDX-License-Identifier: BSL-1.0
// The code of docs/explanation/guarantees.md.
#include <pglocks/loss_watcher.hpp>
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace snippets {

struct order {
    int id = 0;
};
std::vector<order> open_orders(soci::session& sql);
void bill(soci::session& sql, const order& o);
void send_mails(const std::stop_token& stop);
void move_money(soci::session& sql, const std::vector<std::string>& accounts);
void check_books(soci::session& sql);

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

//! [monitor]
void send_all_mails(const std::string& conninfo, pglocks::loss_watcher& watcher) {
    soci::session sql(soci::postgresql, pglocks::session_preset{}.conninfo(conninfo));
    const pglocks::advisory_lock lock(sql, "mails");
    const pglocks::loss_watch watch = watcher.watch(lock); // one watcher for the whole program
    send_mails(watch.token());                             // looks at the token before each mail
}
//! [monitor]

//! [set]
void transfer(soci::session& sql, const std::vector<std::string>& accounts) {
    const pglocks::advisory_lock_set<> locks(sql, accounts); // waits until it has all of them
    move_money(sql, accounts);
} // all released here

bool audit(soci::session& sql) {
    using three_at_once = pglocks::advisory_lock_set<pglocks::mode::shared, pglocks::wait::timeout>;
    const three_at_once locks(sql, {"ledger", "invoices", "orders"}, std::chrono::seconds(2));
    if (!locks.owns_lock()) { // not all of them were free in time: none is held
        return false;
    }
    check_books(sql);
    return true;
}
//! [set]

//! [transaction]
void book(soci::session& sql, int account, int amount) {
    pglocks::transaction transaction(sql);
    const pglocks::transaction_advisory_lock lock(transaction, account);
    sql << "update accounts set balance = balance + :amount where id = :id", soci::use(amount),
        soci::use(account);
    transaction.commit(); // the lock and the work end together
}
//! [transaction]

//! [fencing]
int next_token(soci::session& sql) { // taken under the lock, and sent along with every order
    int token = 0;
    sql << "select nextval('leader_token')", soci::into(token);
    return token;
}
bool accept(soci::session& receiver, int token) { // false: a later holder has been here
    soci::statement update = (receiver.prepare << "update fence set token = :new where token <= :old",
                              soci::use(token, "new"), soci::use(token, "old"));
    update.execute(true);
    return update.get_affected_rows() == 1;
}
//! [fencing]

} // namespace snippets
