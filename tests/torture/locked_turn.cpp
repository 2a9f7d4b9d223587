// SPDX-License-Identifier: BSL-1.0
#include <pglocks/pglocks.hpp>

#include "torture/worker.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

namespace pglocks::torture {
namespace {

using std::chrono::milliseconds;

/// Short, since holders are quick here.
struct short_pauses {
    nanoseconds operator()(unsigned /*tries*/) const {
        thread_local std::minstd_rand random{std::random_device{}()};
        return std::chrono::microseconds(std::uniform_int_distribution(500, 20000)(random));
    }
};

std::string_view reason_of(const hold& wanted) {
    return wanted.wait == wait_kind::none ? "busy" : wanted.bound ? "expired" : "stopped";
}

} // namespace

void worker::take_lock(const hold& wanted) {
    if (wanted.shared) {
        take_with_mode<mode::shared>(wanted);
    } else {
        take_with_mode<mode::exclusive>(wanted);
    }
}

template <class Mode>
void worker::take_with_mode(const hold& wanted) {
    switch (wanted.wait) {
    case wait_kind::block:
        return take_with_policies<Mode, wait::block>(wanted);
    case wait_kind::none:
        return take_with_policies<Mode, wait::none>(wanted);
    case wait_kind::timeout:
        return take_with_policies<Mode, wait::timeout>(wanted);
    case wait_kind::poll:
        return take_with_policies<Mode, wait::poll<short_pauses>>(wanted);
    }
}

template <class Mode, class Wait>
void worker::take_with_policies(const hold& wanted) {
    if (wanted.in_transaction) {
        take_transaction_lock<basic_advisory_lock<scope::transaction, Mode, Wait>>(wanted);
    } else {
        take_session_lock<basic_advisory_lock<scope::session, Mode, Wait>>(wanted);
    }
}

template <class Lock>
bool worker::acquire(Lock& lock, const hold& wanted) {
    using wait_policy = typename Lock::wait_policy;
    if constexpr (wait_policy::bounded) {
        if (wanted.bound) {
            return chance(50) ? lock.try_lock_for(*wanted.bound)
                              : lock.try_lock_for(*wanted.bound, process_.stop);
        }
    }
    if constexpr (wait_policy::unbounded) {
        if (chance(70)) {
            return lock.lock(process_.stop);
        }
        lock.lock();
        return true;
    } else {
        return lock.try_lock();
    }
}

template <class Lock>
void worker::take_session_lock(const hold& wanted) {
    Lock lock(session_.open(), lock_key(wanted.key), std::defer_lock);
    history_.asked(wanted);
    try {
        if (!acquire(lock, wanted)) {
            return denied(wanted, reason_of(wanted));
        }
    } catch (const connection_lost& error) {
        history_.denied(wanted.id, sqlstate_of(error));
        return reconnect();
    } catch (const lock_error& error) {
        history_.denied(wanted.id, sqlstate_of(error));
        return settle(wanted.id);
    }
    history_.granted(wanted.id, session_.backend());
    const auto sign = hold_session_lock(lock, wanted);
    if (sign) {
        history_.told(wanted.id, sign->when, sign->what);
    } else {
        history_.releasing(wanted.id);
    }
    release(lock, wanted);
}

template <class Lock>
std::optional<loss_sign> worker::hold_session_lock(const Lock& lock, const hold& held) {
    try {
        if (chance(50)) {
            const asked_signs<Lock> signs(lock);
            return do_protected_work(rows_.open(), held,
                                     [&](nanoseconds pause) { return signs.wait(pause); });
        }
        const bool silent = route_ == route::network || route_ == route::proxy;
        const watched_signs signs(silent && chance(50)
                                      ? process_.watcher.watch(lock, {milliseconds(100), milliseconds(500)})
                                      : process_.watcher.watch(lock));
        return do_protected_work(rows_.open(), held, [&](nanoseconds pause) { return signs.wait(pause); });
    } catch (const soci::soci_error&) { // the row's session failed; the lock has another
        rows_.drop();
        return std::nullopt;
    }
}

template <class Lock>
void worker::release(Lock& lock, const hold& held) {
    ending how = ending::released;
    const auto losses_before = losses_at_release;
    try {
        how = release_somehow(lock);
    } catch (const not_held&) {
        how = ending::not_held;
    }
    if (how == ending::released &&
        losses_at_release != losses_before) { // which a destructor can tell no other way
        how = ending::lost;
    }
    if (how == ending::lost) {
        history_.told(held.id, std::chrono::steady_clock::now(), "release");
        return reconnect();
    }
    history_.ended(held.id, how);
    if (how == ending::not_held) {
        settle(held.id);
    }
}

template <class Lock>
ending worker::release_somehow(Lock& lock) {
    const auto way = draw(1, 100);
    if (way <= 20) {
        static_cast<void>(Lock(std::move(lock))); // its destructor releases
        return session_.is_dead() ? ending::lost : ending::released;
    }
    if (way <= 40 && lock.owns_lock()) { // sent with the commit, unless the session fails before
        try {
            soci::transaction around(*lock.session());
            lock.unlock();
            around.commit();
        } catch (const not_held&) {
            throw;
        } catch (const soci::soci_error&) {
            if (lock.owns_lock()) {
                lock.unlock();
            }
        }
        if (!session_.is_dead()) {
            release_pending(session_.open());
        }
    } else if (lock.owns_lock()) {
        lock.unlock();
    }
    return lock.lost() || session_.is_dead() ? ending::lost : ending::released;
}

template <class Lock>
void worker::take_transaction_lock(const hold& wanted) {
    bool lost = false;
    {
        transaction within(session_.open());
        history_.asked(wanted);
        try {
            const auto lock = lock_within<Lock>(within, wanted);
            if (lock->owns_lock()) {
                history_.granted(wanted.id, session_.backend());
                hold_in_transaction(within, wanted);
            } else {
                denied(wanted, reason_of(wanted));
                within.rollback();
            }
        } catch (const soci::soci_error& error) {
            history_.denied(wanted.id, sqlstate_of(error));
            lost = dynamic_cast<const connection_lost*>(&error) != nullptr;
        }
    }
    if (lost) {
        reconnect();
    } else if (session_.is_dead() || chance(5)) {
        settle(wanted.id);
    }
}

template <class Lock>
std::unique_ptr<Lock> worker::lock_within(transaction& within, const hold& wanted) {
    using wait_policy = typename Lock::wait_policy;
    const lock_key key(wanted.key);
    if constexpr (wait_policy::bounded) {
        if (wanted.bound) {
            return std::make_unique<Lock>(within, key, *wanted.bound);
        }
    }
    if constexpr (wait_policy::unbounded) {
        return std::make_unique<Lock>(within, key, process_.stop);
    } else if constexpr (wait_policy::bounded) {
        return std::make_unique<Lock>(within, key, std::try_to_lock);
    } else {
        return std::make_unique<Lock>(within, key);
    }
}

void worker::hold_in_transaction(soci::transaction& within, const hold& held) {
    const auto no_sign =
        [](nanoseconds pause) -> std::optional<loss_sign> { // there is none before the commit
        std::this_thread::sleep_for(pause);
        return std::nullopt;
    };
    try {
        static_cast<void>(do_protected_work(session_.open(), held, no_sign));
        history_.releasing(held.id);
        within.commit();
        if (!held.shared) {
            history_.wrote(held.id);
        }
        return history_.ended(held.id, ending::released);
    } catch (const soci::soci_error&) {
    }
    if (!session_.is_dead()) {
        try { // the statement failed alone, and the transaction with it
            history_.releasing(held.id);
            within.rollback();
            return history_.ended(held.id, ending::released);
        } catch (const soci::soci_error&) {
        }
    }
    history_.told(held.id, std::chrono::steady_clock::now(), "statement");
}

} // namespace pglocks::torture
