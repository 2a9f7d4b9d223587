// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/deadline.hpp>
#include <pglocks/error.hpp>
#include <pglocks/key.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// An in-memory lock table with PostgreSQL's rules, for tests of the code that knows no libpq.
namespace model {

/// Who holds what, as the server counts it.
class lock_table {
public:
    struct row {
        int pid;
        pglocks::lock_kind kind;
        pglocks::lock_key key;
    };

    /// Takes one hold more, unless another session's holds forbid it.
    bool take(int pid, pglocks::lock_kind kind, pglocks::lock_key key) {
        const bool taken = std::any_of(rows_.begin(), rows_.end(), [&](const row& r) {
            return r.key == key && r.pid != pid && !(r.kind.shared && kind.shared);
        });
        if (!taken) {
            rows_.push_back({.pid = pid, .kind = kind, .key = key});
        }
        return !taken;
    }
    /// Gives one hold back; false if there is none.
    bool give_back(int pid, pglocks::lock_kind kind, pglocks::lock_key key) {
        const auto at = std::find_if(rows_.begin(), rows_.end(), [&](const row& r) {
            return r.pid == pid && r.kind == kind && r.key == key;
        });
        if (at == rows_.end()) {
            return false;
        }
        rows_.erase(at);
        return true;
    }
    void end_session(int pid) {
        std::erase_if(rows_, [pid](const row& r) { return r.pid == pid; });
    }
    void end_transaction(int pid) {
        std::erase_if(rows_, [pid](const row& r) { return r.pid == pid && r.kind.ends_with_transaction; });
    }
    [[nodiscard]] std::size_t holds(int pid) const {
        return static_cast<std::size_t>(
            std::count_if(rows_.begin(), rows_.end(), [pid](const row& r) { return r.pid == pid; }));
    }

private:
    std::vector<row> rows_;
};

/// A session of the model; what happens to it, and while it waits, the test decides.
struct session {
    lock_table& table;
    int pid;
    bool connected = true;
    bool hung_up = false;                   ///< the server has gone, and nobody has noticed yet
    bool in_transaction = false;            ///< a release of session scope has to wait for its end
    std::function<void()> while_waiting{};  ///< called once by every wait in the queue
    std::function<void()> before_attempt{}; ///< called by every try
    std::vector<std::string> calls{};       ///< what the connection was asked, in order
    std::vector<std::string> names{};       ///< the names that releases were given
    std::vector<std::pair<pglocks::lock_kind, pglocks::lock_key>> to_release{};

    void lose() {
        connected = false;
        to_release.clear();
        table.end_session(pid);
    }
    void end_transaction() {
        in_transaction = false;
        table.end_transaction(pid);
        for (const auto& [kind, key] : std::exchange(to_release, {})) {
            table.give_back(pid, kind, key);
        }
    }
};

/// Models `pglocks::lock_connection`.
class connection {
public:
    using session_type = session;

    connection() noexcept = default;
    explicit connection(session& s) { use(s); }

    void use(session& s) {
        if (!s.connected) {
            throw pglocks::refused({.what = "the session is not connected"});
        }
        *this = {};
        session_ = &s;
    }

    void admit(pglocks::lock_kind kind, pglocks::lock_key /*key*/, const pglocks::deadline&,
               const std::stop_token&) {
        note("admit");
        if (session_->hung_up) {
            session_->lose();
            throw pglocks::connection_lost({.what = "the connection is lost"});
        }
        if (kind.ends_with_transaction && !session_->in_transaction) {
            throw pglocks::refused({.what = "no transaction is open"});
        }
    }
    [[nodiscard]] bool attempt(pglocks::lock_kind kind, pglocks::lock_key key, const pglocks::deadline&,
                               const std::stop_token&) {
        note("attempt");
        if (session_->before_attempt) {
            session_->before_attempt();
        }
        const auto waiting = std::pair(kind, key);
        auto& pending = session_->to_release;
        if (const auto at = std::find(pending.begin(), pending.end(), waiting); at != pending.end()) {
            pending.erase(at);
            return true;
        }
        return session_->table.take(session_->pid, kind, key);
    }
    [[nodiscard]] pglocks::outcome queue(pglocks::lock_kind kind, pglocks::lock_key key,
                                         const pglocks::deadline& until, const std::stop_token& stop) {
        note(until ? "queue with a deadline" : "queue");
        if (session_->while_waiting) {
            session_->while_waiting();
        }
        if (stop.stop_requested()) {
            return pglocks::outcome::stopped;
        }
        if (session_->table.take(session_->pid, kind, key)) {
            return pglocks::outcome::acquired;
        }
        if (until) {
            return pglocks::outcome::expired;
        }
        throw pglocks::deadlock_detected({.what = "deadlock detected", .sqlstate = "40P01"});
    }
    void adopt(pglocks::lock_kind /*kind*/, pglocks::lock_key /*key*/) { note("adopt"); }
    void disown(pglocks::lock_kind /*kind*/, pglocks::lock_key /*key*/) noexcept { note("disown"); }

    [[nodiscard]] pglocks::release_result release(pglocks::lock_kind kind, pglocks::lock_key key,
                                                  std::string_view name) noexcept {
        if (!alive()) {
            return pglocks::release_result::lost;
        }
        note("release");
        session_->names.emplace_back(name);
        if (session_->hung_up) {
            session_->lose();
            return pglocks::release_result::lost;
        }
        if (session_->in_transaction && !kind.ends_with_transaction) {
            session_->to_release.emplace_back(kind, key);
            return pglocks::release_result::pending;
        }
        return session_->table.give_back(session_->pid, kind, key) ? pglocks::release_result::released
                                                                   : pglocks::release_result::not_held;
    }
    [[nodiscard]] bool alive() const noexcept { return session_ && session_->connected; }
    [[nodiscard]] bool hung_up() const noexcept { return !alive() || session_->hung_up; }
    [[nodiscard]] bool pending(pglocks::lock_kind kind, pglocks::lock_key key) const noexcept {
        return alive() && std::find(session_->to_release.begin(), session_->to_release.end(),
                                    std::pair(kind, key)) != session_->to_release.end();
    }
    [[nodiscard]] int backend_pid() const noexcept { return alive() ? session_->pid : 0; }

private:
    void note(const char* what) const { session_->calls.emplace_back(what); }

    session* session_ = nullptr;
};
static_assert(pglocks::lock_connection<connection>);

/// A pool of one session.
struct pool {
    session& only;
    bool leased = false;
    int leases = 0;
};

/// Where a lock of the model gets its session: one that is there, or one leased from a pool.
class handle {
public:
    handle() noexcept = default;
    explicit handle(session& s) noexcept : session_(&s) {}
    explicit handle(pool& p) noexcept : pool_(&p) {}
    handle(handle&& other) noexcept
        : session_(std::exchange(other.session_, nullptr)),
          pool_(std::exchange(other.pool_, nullptr)) {}
    handle& operator=(handle&&) = delete;
    ~handle() { give_back(); }

    void swap(handle& other) noexcept {
        std::swap(session_, other.session_);
        std::swap(pool_, other.pool_);
    }
    [[nodiscard]] bool valid() const noexcept { return session_ || pool_; }
    [[nodiscard]] session* get() const noexcept { return session_; }
    [[nodiscard]] pglocks::outcome obtain(const pglocks::deadline& until, const std::stop_token& stop) {
        if (!session_) {
            if (stop.stop_requested()) {
                return pglocks::outcome::stopped;
            }
            if (pool_->leased) {
                // In one thread nobody will give it back: an unbounded wait for it would be for ever.
                return until ? pglocks::outcome::expired : pglocks::outcome::stopped;
            }
            pool_->leased = true;
            ++pool_->leases;
            session_ = &pool_->only;
        }
        return pglocks::outcome::acquired;
    }
    void give_back() noexcept {
        if (pool_ && session_) {
            session_ = nullptr;
            pool_->leased = false;
        }
    }

private:
    session* session_ = nullptr;
    pool* pool_ = nullptr;
};

} // namespace model
