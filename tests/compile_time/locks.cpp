// SPDX-License-Identifier: BSL-1.0
// As many lock types as LOCK_TYPES says, each constructed and used as programs do: by turns one that blocks,
// a shared one with a bound, one that polls, and one of a transaction.
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

namespace {

using namespace std::chrono_literals;

template <class Lock>
bool pass_on(Lock& lock) {
    Lock other(std::move(lock));
    lock = std::move(other);
    const bool there = lock.owns_lock() && !lock.lost() && !lock.pending();
    if (lock) {
        lock.unlock();
    }
    return there;
}

template <std::int64_t Number>
bool use(soci::session& sql) {
    using hash = pglocks::hash::postgres<Number>;
    if constexpr (Number % 4 == 0) {
        pglocks::basic_advisory_lock<hash> lock(sql, "name");
        bool used = pass_on(lock) || lock.try_lock();
        lock.lock();
        return pass_on(lock) && used;
    } else if constexpr (Number % 4 == 1) {
        using shared = pglocks::basic_advisory_lock<hash, pglocks::wait::timeout, pglocks::mode::shared>;
        shared lock(sql, "name", 1s);
        return pass_on(lock) || lock.try_lock_for(1s) || lock.try_lock_shared();
    } else if constexpr (Number % 4 == 2) {
        pglocks::basic_advisory_lock<pglocks::wait::poll<>, hash> lock(sql, Number, std::try_to_lock);
        return pass_on(lock) || lock.try_lock_for(1s);
    } else {
        pglocks::transaction within(sql);
        pglocks::basic_advisory_lock<pglocks::scope::transaction, pglocks::wait::none, hash> lock(within,
                                                                                                  "name");
        return lock.owns_lock();
    }
}

template <std::int64_t... Number>
bool use_all(soci::session& sql, std::integer_sequence<std::int64_t, Number...>) {
    return (use<Number>(sql) && ...);
}

} // namespace

bool use_locks(soci::session& sql);
bool use_locks(soci::session& sql) {
    return use_all(sql, std::make_integer_sequence<std::int64_t, LOCK_TYPES>());
}
