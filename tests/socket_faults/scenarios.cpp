// SPDX-License-Identifier: BSL-1.0
#include "socket_faults/scenarios.hpp"

#include <pglocks/loss_watcher.hpp>
#include <pglocks/pglocks.hpp>
#include <pglocks/postgres/session_preset.hpp>

#include "support/eventually.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <utility>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t key = 1;
constexpr auto soon = 60ms; // until when a bounded wait waits that must fail
constexpr auto late = 1h;   // ... that must not

/// Somebody holds the key, and releases it when the session waits.
[[nodiscard]] std::jthread hold_until_waited_for(stage& s) {
    s.everybody.take(key);
    return s.everybody.when_somebody_waits([&s](int) { s.everybody.give_up(); });
}

void acquire_and_release(stage& s) {
    advisory_lock lock(s.session(), key, std::defer_lock);
    lock.lock();
    s.compare_with_server(lock);
    lock.unlock();
    s.compare_with_server(lock);
    s.expect(lock.try_lock(), "a free key is acquired");
    s.compare_with_server(lock);
    lock.unlock();
    s.compare_with_server(lock);
}

void destroy_owner(stage& s) {
    {
        const shared_advisory_lock lock(s.session(), {3, 4});
        const try_advisory_lock other(s.session(), "nightly-report");
        s.compare_with_server(lock, other);
    }
    s.compare_with_server();
}

void try_a_held_key(stage& s) {
    s.everybody.take(key);
    try_advisory_lock lock(s.session(), key);
    s.expect(!lock.owns_lock(), "a held key is not acquired");
    s.compare_with_server(lock);
    s.everybody.give_up();
    s.expect(lock.try_lock(), "a free key is acquired");
    s.compare_with_server(lock);
}

void wait(stage& s) {
    const auto holder = hold_until_waited_for(s);
    const advisory_lock lock(s.session(), key);
    s.compare_with_server(lock);
}

void wait_at_transaction_scope(stage& s) {
    const auto holder = hold_until_waited_for(s);
    pglocks::transaction tx(s.session());
    const transaction_advisory_lock lock(tx, key);
    s.compare_with_server(lock);
    tx.commit();
    s.compare_with_server();
}

void wait_with_a_stop_token(stage& s) {
    const auto holder = hold_until_waited_for(s);
    const std::stop_source source;
    const advisory_lock lock(s.session(), key, source.get_token());
    s.expect(lock.owns_lock(), "the wait is granted");
    s.compare_with_server(lock);
}

void stop_a_wait(stage& s) {
    s.everybody.take(key);
    std::stop_source source;
    advisory_lock lock(s.session(), key, std::defer_lock);
    const auto stopper = s.everybody.when_somebody_waits([&](int) { source.request_stop(); });
    s.expect(!lock.lock(source.get_token()), "the wait is stopped");
    s.compare_with_server(lock);
    s.sql("select 1");
}

void stop_a_wait_in_a_transaction(stage& s) {
    s.everybody.take(key);
    std::stop_source source;
    pglocks::transaction tx(s.session());
    const auto stopper = s.everybody.when_somebody_waits([&](int) { source.request_stop(); });
    const transaction_advisory_lock lock(tx, key, source.get_token());
    s.expect(!lock.owns_lock(), "the wait is stopped");
    s.compare_with_server(lock);
    tx.commit();
    s.compare_with_server();
}

void timed_wait_granted(stage& s) {
    const auto holder = hold_until_waited_for(s);
    const timed_advisory_lock lock(s.session(), key, late);
    s.expect(lock.owns_lock(), "the wait is granted");
    s.compare_with_server(lock);
}

void timed_wait_expired(stage& s) {
    s.everybody.take(key);
    timed_advisory_lock lock(s.session(), key, soon);
    s.expect(!lock.owns_lock(), "the wait expires");
    s.compare_with_server(lock);
    s.everybody.give_up();
    s.expect(lock.try_lock_for(soon), "a free key is acquired");
    s.compare_with_server(lock);
}

void timed_wait_granted_in_a_transaction(stage& s) {
    const auto holder = hold_until_waited_for(s);
    soci::transaction tx(s.session());
    const timed_advisory_lock lock(s.session(), key, late);
    s.expect(lock.owns_lock(), "the wait is granted");
    s.compare_with_server(lock);
    tx.commit();
    s.compare_with_server(lock);
}

void timed_wait_expired_in_a_transaction(stage& s) {
    s.everybody.take(key);
    soci::transaction tx(s.session());
    const timed_advisory_lock lock(s.session(), key, soon);
    s.expect(!lock.owns_lock(), "the wait expires");
    s.compare_with_server(lock);
    tx.commit();
    s.compare_with_server(lock);
}

void timed_wait_granted_at_transaction_scope(stage& s) {
    const auto holder = hold_until_waited_for(s);
    pglocks::transaction tx(s.session());
    const timed_transaction_advisory_lock lock(tx, key, late);
    s.expect(lock.owns_lock(), "the wait is granted");
    s.compare_with_server(lock);
    tx.commit();
    s.compare_with_server();
}

void timed_wait_expired_at_transaction_scope(stage& s) {
    s.everybody.take(key);
    pglocks::transaction tx(s.session());
    const timed_transaction_advisory_lock lock(tx, key, soon);
    s.expect(!lock.owns_lock(), "the wait expires");
    s.compare_with_server(lock);
    s.sql("select 1");
    tx.commit();
    s.compare_with_server();
}

/// Tries again every few milliseconds.
struct short_pauses {
    std::chrono::nanoseconds operator()(unsigned) const { return 5ms; }
};
using polled_lock = basic_advisory_lock<wait::poll<short_pauses>>;

void poll_granted(stage& s) {
    s.everybody.take(key);
    polled_lock lock(s.session(), key, std::try_to_lock);
    s.expect(!lock.owns_lock(), "a held key is not acquired");
    s.everybody.give_up();
    lock.lock();
    s.compare_with_server(lock);
}

void poll_expired(stage& s) {
    s.everybody.take(key);
    const polled_lock lock(s.session(), key, 12ms);
    s.expect(!lock.owns_lock(), "the wait expires");
    s.compare_with_server(lock);
}

void release_in_a_transaction(stage& s, std::string_view end) {
    soci::transaction tx(s.session());
    advisory_lock lock(s.session(), key);
    shared_advisory_lock kept(s.session(), {1, 2});
    s.compare_with_server(lock, kept);
    lock.unlock();
    s.expect(lock.pending(), "the release is pending");
    s.compare_with_server(lock, kept);
    end == "commit" ? tx.commit() : tx.rollback();
    s.expect(!lock.pending(), "the release is sent");
    s.expect(kept.owns_lock(), "the other lock is kept");
    s.compare_with_server(lock, kept);
}

void release_then_commit(stage& s) { release_in_a_transaction(s, "commit"); }
void release_then_roll_back(stage& s) { release_in_a_transaction(s, "rollback"); }

void release_in_a_failed_transaction(stage& s) {
    advisory_lock lock(s.session(), key, std::defer_lock);
    {
        soci::transaction tx(s.session());
        lock.lock();
        try {
            s.sql("select 1 / 0");
        } catch (const soci::postgresql_soci_error& error) {
            if (error.sqlstate() != "22012") { // division_by_zero
                throw;
            }
        }
        s.compare_with_server(lock);
        lock.unlock();
        s.compare_with_server(lock);
        tx.rollback();
    }
    s.expect(!lock.pending(), "the release is sent");
    s.compare_with_server(lock);
}

void take_a_pending_release_back(stage& s) {
    soci::transaction tx(s.session());
    advisory_lock lock(s.session(), key);
    lock.unlock();
    lock.lock();
    s.expect(lock.owns_lock(), "the key is acquired again");
    s.compare_with_server(lock);
    tx.commit();
    s.compare_with_server(lock);
}

void lease_from_a_pool(stage& s) {
    {
        advisory_lock lock(s.pool, key);
        s.compare_with_server(lock);
        lock.unlock();
        s.compare_with_server(lock);
        lock.lock();
        s.compare_with_server(lock);
    }
    s.compare_with_server();
}

void give_back_with_a_transaction_open(stage& s) {
    {
        const advisory_lock lock(s.pool, key);
        *lock.session() << "begin";
    }
    s.compare_with_server();
    s.sql("begin");
    s.sql("rollback");
}

void reconnect(stage& s) {
    advisory_lock lock(s.session(), key);
    const shared_advisory_lock old(s.session(), 2);
    s.session().reconnect();
    s.expect(lock.lost() && old.lost(), "the locks are lost");
    s.compare_with_server(lock, old);
    // Until the server has noticed the end of the first connection it has the key held by that.
    s.expect(eventually([&] { return lock.try_lock(); }, 1s), "the key is acquired again");
    s.compare_with_server(lock, old);
}

void lose_the_race_with_lock_timeout(stage& s) {
    s.everybody.take(key);
    s.sql("set lock_timeout = '20ms'");
    advisory_lock lock(s.session(), key, std::defer_lock);
    try {
        lock.lock();
        s.expect(false, "lock_timeout ends the wait");
    } catch (const lock_error& error) {
        if (error.sqlstate() != "55P03") {
            throw;
        }
    }
    s.compare_with_server(lock);
    s.everybody.give_up();
    lock.lock();
    s.compare_with_server(lock);
}

/// The wait is cancelled, and what it left is cleaned up.
template <class Wait>
void cancel_it(stage& s, Wait wait_for_key) {
    s.everybody.take(key);
    const auto canceller = s.everybody.when_somebody_waits([&](int backend) {
        if (backend != 0) {
            s.everybody.cancel(backend);
        }
    });
    try {
        wait_for_key();
        s.expect(false, "the cancel ends the wait");
    } catch (const lock_error& error) {
        if (error.sqlstate() != "57014") {
            throw;
        }
    }
    s.everybody.give_up();
    s.compare_with_server();
}

void cancelled_wait(stage& s) {
    cancel_it(s, [&] { const advisory_lock lock(s.session(), key); });
}

void cancelled_wait_in_a_transaction(stage& s) {
    soci::transaction tx(s.session());
    cancel_it(s, [&] { const advisory_lock lock(s.session(), key); });
    tx.rollback();
    s.compare_with_server();
}

void cancelled_timed_wait_in_a_transaction(stage& s) {
    soci::transaction tx(s.session());
    cancel_it(s, [&] { static_cast<void>(timed_advisory_lock(s.session(), key, late)); });
    s.sql("select 1");
    tx.commit();
    s.compare_with_server();
}

void leave_to_the_session_and_adopt(stage& s) {
    advisory_lock lock(s.session(), key);
    const auto left = lock.release();
    advisory_lock adopter(s.session(), left, std::adopt_lock);
    s.compare_with_server(adopter);
    adopter.unlock();
    s.compare_with_server(adopter);
}

void standard_guards(stage& s) {
    advisory_lock first(s.session(), key, std::defer_lock);
    polled_lock second(s.session(), 2, std::defer_lock);
    {
        const std::scoped_lock both(first, second);
        s.compare_with_server(first, second);
    }
    s.compare_with_server(first, second);
}

void watch(stage& s) {
    const advisory_lock lock(s.session(), key);
    loss_watcher watcher;
    const auto watched = watcher.watch(lock);
    s.sql("select 1");
    s.compare_with_server(lock);
    s.expect(!watched.token().stop_requested(), "nothing is lost");
}

void watch_with_a_heartbeat(stage& s) {
    loss_watcher watcher;
    advisory_lock lock(s.session(), key);
    {
        const auto watched = watcher.watch(lock, {.every = 5ms, .within = 200ms});
        const auto token = watched.token();
        static_cast<void>(eventually([&] { return token.stop_requested(); }, 40ms)); // a few heartbeats
        s.expect(!token.stop_requested(), "nothing is lost");
    }
    s.compare_with_server(lock);
    lock.unlock();
    s.compare_with_server(lock);
}

void apply_a_preset(stage& s) {
    session_preset().apply(s.session());
    const timed_advisory_lock lock(s.session(), key, soon);
    s.expect(lock.owns_lock(), "a free key is acquired");
    s.compare_with_server(lock);
}

} // namespace

const std::map<std::string, std::function<void(stage&)>>& scenarios() {
    static const std::map<std::string, std::function<void(stage&)>> all{
        {"acquire_and_release", &acquire_and_release},
        {"apply_a_preset", &apply_a_preset},
        {"cancelled_timed_wait_in_a_transaction", &cancelled_timed_wait_in_a_transaction},
        {"cancelled_wait", &cancelled_wait},
        {"cancelled_wait_in_a_transaction", &cancelled_wait_in_a_transaction},
        {"destroy_owner", &destroy_owner},
        {"give_back_with_a_transaction_open", &give_back_with_a_transaction_open},
        {"lease_from_a_pool", &lease_from_a_pool},
        {"leave_to_the_session_and_adopt", &leave_to_the_session_and_adopt},
        {"lock_timeout_ends_a_wait", &lose_the_race_with_lock_timeout},
        {"poll_expired", &poll_expired},
        {"poll_granted", &poll_granted},
        {"reconnect", &reconnect},
        {"release_in_a_failed_transaction", &release_in_a_failed_transaction},
        {"release_then_commit", &release_then_commit},
        {"release_then_roll_back", &release_then_roll_back},
        {"standard_guards", &standard_guards},
        {"stop_a_wait", &stop_a_wait},
        {"stop_a_wait_in_a_transaction", &stop_a_wait_in_a_transaction},
        {"take_a_pending_release_back", &take_a_pending_release_back},
        {"timed_wait_expired", &timed_wait_expired},
        {"timed_wait_expired_at_transaction_scope", &timed_wait_expired_at_transaction_scope},
        {"timed_wait_expired_in_a_transaction", &timed_wait_expired_in_a_transaction},
        {"timed_wait_granted", &timed_wait_granted},
        {"timed_wait_granted_at_transaction_scope", &timed_wait_granted_at_transaction_scope},
        {"timed_wait_granted_in_a_transaction", &timed_wait_granted_in_a_transaction},
        {"try_a_held_key", &try_a_held_key},
        {"wait", &wait},
        {"wait_at_transaction_scope", &wait_at_transaction_scope},
        {"wait_with_a_stop_token", &wait_with_a_stop_token},
        {"watch", &watch},
        {"watch_with_a_heartbeat", &watch_with_a_heartbeat},
    };
    return all;
}

} // namespace pglocks::test
