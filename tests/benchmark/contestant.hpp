// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pglocks::benchmark {

/// What a contestant can be measured at.
enum class task : std::uint8_t {
    alone,       ///< one session, a free key
    distinct,    ///< many sessions, each with a key of its own
    hot,         ///< many sessions that wait for one key
    hand_off,    ///< two sessions: from the holder's release to the waiter's return
    transaction, ///< one session that begins, locks, and commits
    set,         ///< one session and a set of keys
    empty        ///< no lock: what round trips cost, to compare with
};

[[nodiscard]] std::string_view name_of(task what) noexcept;

/// Where a session connects to, and what it locks.
struct assignment {
    std::string conninfo;
    std::int64_t key;
    std::size_t set_size = 1; ///< how many keys, for those who lock sets

    /// The key as a name, for those who lock names.
    [[nodiscard]] std::string name() const { return "benchmark-" + std::to_string(key); }
};

/// A contestant's way to take a lock and to give it back, on one connection.
class session {
public:
    session() = default;
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    virtual ~session() = default;

    virtual void lock() = 0;
    virtual void unlock() = 0;
    /// What is repeated and timed.
    virtual void cycle() {
        lock();
        unlock();
    }
};

struct contestant {
    std::string_view name;  ///< one word, by which it is asked for
    std::string_view label; ///< for people
    std::vector<task> tasks;
    std::unique_ptr<session> (*connect)(const assignment&);
};

/// All contestants, by name.
[[nodiscard]] std::vector<contestant> contestants();

/// *Throws*: std::invalid_argument, if there is none of this name.
[[nodiscard]] contestant find_contestant(std::string_view name);

void enter(contestant one);

/// Enters a contestant into the list: a variable at namespace scope, in the contestant's own file.
template <class Session>
struct entry {
    entry(std::string_view name, std::string_view label, std::initializer_list<task> tasks) {
        enter({name, label, tasks, [](const assignment& where) -> std::unique_ptr<session> {
                   return std::make_unique<Session>(where);
               }});
    }
};

} // namespace pglocks::benchmark
