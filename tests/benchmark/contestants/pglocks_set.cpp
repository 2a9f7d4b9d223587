// SPDX-License-Identifier: BSL-1.0
#include <pglocks/pglocks.hpp>

#include "benchmark/contestant.hpp"
#include "benchmark/key_set.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace pglocks::benchmark {
namespace {

/// One object, locked and unlocked again and again.
class reused_set : public session {
public:
    explicit reused_set(const assignment& where)
        : sql_(soci::postgresql, where.conninfo),
          locks_(sql_, key_set(where), std::defer_lock) {}
    void lock() override { locks_.lock(); }
    void unlock() override { locks_.unlock(); }

private:
    soci::session sql_;
    advisory_lock_set<> locks_;
};

/// A new set each time, of keys that have to be put in order.
class guarded_set : public session {
public:
    explicit guarded_set(const assignment& where)
        : keys_(key_set(where)),
          sql_(soci::postgresql, where.conninfo) {}
    void lock() override { locks_.emplace(sql_, keys_); }
    void unlock() override { locks_.reset(); }

private:
    std::vector<std::int64_t> keys_;
    soci::session sql_;
    std::optional<advisory_lock_set<>> locks_;
};

/// What one would write without sets.
class loop_of_locks : public session {
public:
    explicit loop_of_locks(const assignment& where) : sql_(soci::postgresql, where.conninfo) {
        for (const auto key : key_set(where)) {
            locks_.emplace_back(sql_, key, std::defer_lock);
        }
    }
    void lock() override {
        for (auto& each : locks_) {
            each.lock();
        }
    }
    void unlock() override {
        for (auto& each : locks_) {
            each.unlock();
        }
    }

private:
    soci::session sql_;
    std::vector<advisory_lock> locks_;
};

const entry<guarded_set> guarded("pglocks-set", "pglocks advisory_lock_set, guard", {task::set});
const entry<reused_set> reused("pglocks-set-lock", "pglocks advisory_lock_set, lock(); unlock();",
                               {task::set});
const entry<loop_of_locks> loop("pglocks-set-loop", "pglocks advisory_lock in a loop", {task::set});

} // namespace
} // namespace pglocks::benchmark
