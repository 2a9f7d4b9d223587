// SPDX-License-Identifier: BSL-1.0
// The code of the pages in docs/how-to that is of no example.
#include <pglocks/inspect.hpp>
#include <pglocks/interop/interop.hpp>
#include <pglocks/loss_watcher.hpp>
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace snippets {

using namespace std::chrono_literals;

void import(soci::session& sql);
void import_some(soci::session& sql, const std::stop_token& stop);
void respond_busy();
void charge(soci::session& sql, int customer);

//! [bound]
void import_soon(soci::session& sql) {
    const pglocks::timed_advisory_lock lock(sql, "import", 2500ms);
    if (!lock.owns_lock()) {
        respond_busy(); // nothing is held, and no transaction has failed
        return;
    }
    import(sql);
}
//! [bound]

//! [deadline]
bool import_until(soci::session& sql, std::chrono::steady_clock::time_point deadline) {
    pglocks::timed_advisory_lock lock(sql, "import", std::defer_lock);
    if (!lock.try_lock_until(deadline)) { // of the request, for instance: what is left of it is the bound
        return false;
    }
    import(sql);
    return true;
}
//! [deadline]

//! [bound a transaction]
bool charge_soon(soci::session& sql, int customer) {
    pglocks::transaction transaction(sql);
    const pglocks::timed_transaction_advisory_lock lock(transaction, customer, 500ms);
    if (!lock.owns_lock()) {
        return false; // the transaction is still good: go on with something else, or let it roll back
    }
    charge(sql, customer);
    transaction.commit();
    return true;
}
//! [bound a transaction]

//! [cancel]
void importer(const std::string& conninfo, const std::stop_token& stop) {
    soci::session sql(soci::postgresql, conninfo);
    pglocks::advisory_lock lock(sql, "import", std::defer_lock);
    if (!lock.lock(stop)) { // false: asked to stop while it waited, and the server's queue has been left
        return;
    }
    import_some(sql, stop);
}

void service(const std::string& conninfo, const std::function<void()>& until_shutdown) {
    const std::jthread thread([&](const std::stop_token& stop) { importer(conninfo, stop); });
    until_shutdown();
} // the thread is asked to stop, and joined
//! [cancel]

//! [pgbouncer]
bool charge_through_a_pooler(soci::session& sql, int customer) { // any mode of the pooler
    pglocks::transaction transaction(sql);
    const pglocks::transaction_advisory_lock lock(transaction, customer);
    charge(sql, customer);
    transaction.commit();
    return true;
}

void import_past_the_pooler(const std::string& direct) { // the conninfo of the server itself
    soci::session sql(soci::postgresql, direct);
    const pglocks::advisory_lock lock(sql, "import");
    import(sql);
}

void import_through_session_mode(const std::string& pooler) {
    soci::session sql(soci::postgresql, pooler);
    pglocks::declare_session_pooler(sql); // throws `refused` if the pooler is not in session mode
    const pglocks::advisory_lock lock(sql, "import");
    import(sql);
}
//! [pgbouncer]

//! [other languages]
using django_lock = pglocks::basic_advisory_lock<pglocks::interop::django_pglocks>;

void import_without_django(soci::session& sql) {
    const django_lock lock(sql, "import"); // excludes Django's advisory_lock("import")
    import(sql);
}
//! [other languages]

//! [raw keys]
void keep_out_hand_written_sql(soci::session& sql) {
    const pglocks::advisory_lock one_number(sql, 4711);   // select pg_advisory_lock(4711)
    const pglocks::advisory_lock a_pair(sql, {4711, 17}); // select pg_advisory_lock(4711, 17)
    import(sql);
}

// select pg_advisory_lock(hashtext('import'))
using hashtext_lock = pglocks::basic_advisory_lock<pglocks::hash::postgres_hashtext>;
// select pg_advisory_xact_lock(hashtextextended('import', 0))
using transaction_lock = pglocks::transaction_advisory_lock;
//! [raw keys]

//! [lockable]
template <class Lockable>
void import_with(Lockable& lock, const std::function<void()>& work) {
    const std::scoped_lock guard(lock); // a pglocks lock in the program, a std::mutex in a unit test
    work();
}
//! [lockable]

//! [test]
void test_that_a_second_import_is_refused(const std::string& conninfo) {
    soci::session somebody_else(soci::postgresql, conninfo); // a lock excludes other sessions, not its own
    const pglocks::advisory_lock held(somebody_else, "import");
    soci::session sql(soci::postgresql, conninfo);
    if (import_until(sql, std::chrono::steady_clock::now())) {
        throw std::logic_error("the second import was let in");
    }
}

void test_that_an_import_waits(const std::string& conninfo) {
    soci::session observer(soci::postgresql, conninfo);
    soci::session somebody_else(soci::postgresql, conninfo);
    pglocks::advisory_lock held(somebody_else, "import");
    std::jthread thread([&] {
        soci::session sql(soci::postgresql, conninfo);
        const pglocks::advisory_lock lock(sql, "import");
        import(sql);
    });
    while (pglocks::waiters(observer, "import").empty()) { // no guess of how long that takes
        std::this_thread::yield();
    }
    held.unlock();
}
//! [test]

} // namespace snippets
