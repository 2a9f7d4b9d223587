// SPDX-License-Identifier: BSL-1.0
// Session-scope locks of pglocks: objects that are locked and unlocked, and guards of each policy.
#include <pglocks/pglocks.hpp>

#include "benchmark/contestant.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace pglocks::benchmark {
namespace {

using namespace pglocks::literals;

/// One object, locked and unlocked again and again.
template <class Lock>
class reused : public session {
public:
    explicit reused(const assignment& where)
        : sql_(soci::postgresql, where.conninfo),
          lock_(sql_, where.key, std::defer_lock) {}
    void lock() override { lock_.lock(); }
    void unlock() override { lock_.unlock(); }

private:
    soci::session sql_;
    Lock lock_;
};

/// As `reused`, with a wait that a stop token can end.
class stoppable : public session {
public:
    explicit stoppable(const assignment& where)
        : sql_(soci::postgresql, where.conninfo),
          lock_(sql_, where.key, std::defer_lock) {}
    void lock() override {
        if (!lock_.lock(source_.get_token())) {
            throw std::logic_error("stopped, though nobody asked for it");
        }
    }
    void unlock() override { lock_.unlock(); }

private:
    soci::session sql_;
    std::stop_source source_;
    advisory_lock lock_;
};

/// A new guard each time. `Make` is called with the session and the assignment's parts, and answers the
/// guard.
template <class Lock, auto Make>
class guarded : public session {
public:
    explicit guarded(const assignment& where)
        : key_(where.key),
          name_(where.name()),
          sql_(soci::postgresql, where.conninfo) {}
    void lock() override { check(guard_.emplace(Make(sql_, key_, name_))); }
    void unlock() override { guard_.reset(); }
    void cycle() override {
        const Lock guard = Make(sql_, key_, name_);
        check(guard);
    }

private:
    static void check(const Lock& guard) {
        if (!guard.owns_lock()) {
            throw std::logic_error("a free lock was not granted");
        }
    }

    std::int64_t key_;
    std::string name_;
    soci::session sql_;
    std::optional<Lock> guard_;
};

template <class Lock>
constexpr auto by_literal =
    [](soci::session& sql, std::int64_t, const std::string&) { return Lock(sql, "nightly-report"_lock); };
template <class Lock>
constexpr auto by_name =
    [](soci::session& sql, std::int64_t, const std::string& name) { return Lock(sql, name); };
template <class Lock>
constexpr auto by_key =
    [](soci::session& sql, std::int64_t key, const std::string&) { return Lock(sql, key); };
constexpr auto by_pair = [](soci::session& sql, std::int64_t key, const std::string&) {
    return advisory_lock(sql, {1, static_cast<std::int32_t>(key)});
};
constexpr auto with_bound = [](soci::session& sql, std::int64_t key, const std::string&) {
    return timed_advisory_lock(sql, key, std::chrono::hours(1));
};
constexpr auto with_secret = [](soci::session& sql, std::int64_t, const std::string& name) {
    return basic_advisory_lock<hash::siphash>(sql, name, hash::siphash({}));
};

/// A guard that leases its session from a pool.
class pooled : public session {
public:
    explicit pooled(const assignment& where) : key_(where.key), pool_(1) {
        pool_.at(0).open(soci::postgresql, where.conninfo);
    }
    void lock() override { guard_.emplace(pool_, key_); }
    void unlock() override { guard_.reset(); }

private:
    std::int64_t key_;
    soci::connection_pool pool_;
    std::optional<advisory_lock> guard_;
};

using sha256_lock = basic_advisory_lock<hash::sha256>;
using django_lock = basic_advisory_lock<interop::django_pglocks>;

template <class Lock, auto Make>
using guard_entry = entry<guarded<Lock, Make>>;

const entry<reused<advisory_lock>> reused_block("pglocks-lock", "pglocks lock(); unlock();",
                                                {task::alone, task::distinct, task::hot, task::hand_off});
const entry<stoppable> stop("pglocks-stop-token", "pglocks lock(stop_token); unlock();",
                            {task::alone, task::hand_off});
const guard_entry<advisory_lock, by_literal<advisory_lock>> literal("pglocks-guard-literal",
                                                                    "pglocks guard, _lock literal",
                                                                    {task::alone, task::hot, task::hand_off});
const guard_entry<advisory_lock, by_name<advisory_lock>> name("pglocks-guard-name", "pglocks guard, name",
                                                              {task::alone, task::distinct});
const guard_entry<advisory_lock, by_key<advisory_lock>> key("pglocks-guard-key", "pglocks guard, key",
                                                            {task::alone});
const guard_entry<advisory_lock, by_pair> pair("pglocks-guard-pair", "pglocks guard, pair of integers",
                                               {task::alone});
const guard_entry<sha256_lock, by_name<sha256_lock>> sha256("pglocks-guard-sha256",
                                                            "pglocks guard, hash::sha256", {task::alone});
const guard_entry<basic_advisory_lock<hash::siphash>, with_secret>
    siphash("pglocks-guard-siphash", "pglocks guard, hash::siphash", {task::alone});
const guard_entry<django_lock, by_name<django_lock>>
    django("pglocks-guard-django", "pglocks guard, interop::django_pglocks", {task::alone});
const guard_entry<try_advisory_lock, by_key<try_advisory_lock>>
    once("pglocks-guard-try", "pglocks guard, wait::none", {task::alone});
const guard_entry<timed_advisory_lock, with_bound>
    timed("pglocks-guard-timed", "pglocks guard, wait::timeout", {task::alone, task::hot, task::hand_off});
const guard_entry<polled_advisory_lock, by_key<polled_advisory_lock>>
    polled("pglocks-guard-polled", "pglocks guard, wait::poll", {task::alone, task::hot});
const guard_entry<shared_advisory_lock, by_key<shared_advisory_lock>>
    shared("pglocks-guard-shared", "pglocks guard, mode::shared", {task::alone});
const entry<pooled> pool("pglocks-guard-pool", "pglocks guard, session of a pool", {task::alone});

} // namespace
} // namespace pglocks::benchmark
