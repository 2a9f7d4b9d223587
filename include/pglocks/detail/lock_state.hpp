// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/deadline.hpp>
#include <pglocks/detail/lock_acquisition.hpp>
#include <pglocks/error.hpp>
#include <pglocks/key.hpp>
#include <pglocks/policy/rules.hpp>
#include <pglocks/policy/wait.hpp>
#include <pglocks/release_failure.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <utility>

namespace pglocks::detail {

/// What this object knows of its lock.
enum class ownership : std::uint8_t { none, owned, lost };

[[noreturn]] inline void misuse(std::errc condition, const char* what) {
    throw std::system_error(std::make_error_code(condition), what);
}

/// What a lock is of: one key, and the constant that names it; other names are not kept.
class one_lock {
public:
    using value_type = lock_key;

    one_lock() noexcept = default;
    one_lock(lock_key key, const std::string_view* constant_name) noexcept
        : bits_(key.bits()),
          name_(constant_name) {}

    /// The key; its space is kept by the lock, which has room for it.
    [[nodiscard]] lock_key value(key_space space) const noexcept { return lock_key::from_bits(bits_, space); }
    [[nodiscard]] std::string_view name() const noexcept { return name_ ? *name_ : std::string_view(); }

    static void describe(lock_error& error, lock_key key, std::string_view name) {
        error.add_lock(key, name);
    }

private:
    std::int64_t bits_ = 0;
    const std::string_view* name_ = nullptr;
};

/// The state of a lock: what it is of, on which connection, and whether it is owned.
///
/// It knows its policies only as far as the server does, so that locks that differ in the rest share it.
template <lock_kind Kind, class Connection, class Handle, class Subject>
    requires lock_connection<Connection, typename Subject::value_type>
class lock_state {
public:
    lock_state(const lock_state&) = delete;
    lock_state& operator=(const lock_state&) = delete;

protected:
    using value_type = typename Subject::value_type;

    lock_state() noexcept = default;

    lock_state(Handle handle, lock_key key, const std::string_view* constant_name)
        : handle_(std::move(handle)),
          space_(key.space()),
          subject_(key, constant_name) {}

    lock_state(Handle handle, Subject subject) : handle_(std::move(handle)), subject_(std::move(subject)) {}

    lock_state(lock_state&& other) noexcept
        : handle_(std::move(other.handle_)),
          space_(other.space_),
          ownership_(std::exchange(other.ownership_, ownership::none)),
          connection_(std::move(other.connection_)),
          subject_(std::move(other.subject_)) {}

    ~lock_state() {
        if constexpr (owner_releases) {
            if (ownership_ == ownership::owned && give_back() == release_result::not_held) {
                report_not_held(missing(), subject_.name());
            }
        }
    }

    void swap(lock_state& other) noexcept {
        using std::swap;
        handle_.swap(other.handle_);
        swap(connection_, other.connection_);
        swap(subject_, other.subject_);
        swap(space_, other.space_);
        swap(ownership_, other.ownership_);
    }

    [[nodiscard]] value_type what() const noexcept { return subject_.value(space_); }
    [[nodiscard]] auto take_first_name() noexcept
        requires requires(Subject& s) { s.take_first_name(); }
    {
        return subject_.take_first_name();
    }

    [[nodiscard]] const Handle& handle() const noexcept { return handle_; }
    [[nodiscard]] const Connection& connection() const noexcept { return connection_; }

    [[nodiscard]] bool owns() const noexcept {
        return ownership_ == ownership::owned && (!owner_releases || connection_.alive());
    }
    [[nodiscard]] bool was_lost() const noexcept {
        return ownership_ == ownership::lost || (ownership_ == ownership::owned && connection_.hung_up());
    }
    [[nodiscard]] bool has_pending_release() const noexcept {
        return handle_.get() && connection_.pending(Kind, what());
    }

    /// Acquires as a wait policy does. `name` is what an error is to call the lock.
    template <class WaitPolicy>
    bool acquire_with(const WaitPolicy& policy, const deadline& lease_until, const deadline& until,
                      const std::stop_token& stop, std::string_view name) {
        if (!handle_.valid()) {
            misuse(std::errc::operation_not_permitted, "pglocks: the lock has no session");
        }
        if (owns()) {
            misuse(std::errc::resource_deadlock_would_occur, "pglocks: this object owns the lock already");
        }
        ownership_ = ownership::none;
        try {
            if (handle_.obtain(lease_until, stop) != outcome::acquired) {
                return false;
            }
            connection_.use(*handle_.get());
            connection_.admit(Kind, what(), until, stop);
            lock_acquisition<Connection, value_type> attempted(connection_, Kind, what(), until, stop);
            try {
                run_strategy(policy, attempted, until);
            } catch (...) { // the policy's own failure, after it had the lock
                if (attempted.acquired() &&
                    connection_.release(Kind, what(), subject_.name()) == release_result::not_held) {
                    report_not_held(missing(), subject_.name());
                }
                throw;
            }
            if (attempted.acquired()) {
                ownership_ = ownership::owned;
                return true;
            }
        } catch (lock_error& error) {
            Subject::describe(error, what(), name.empty() ? subject_.name() : name);
            handle_.give_back();
            throw;
        } catch (...) {
            handle_.give_back();
            throw;
        }
        handle_.give_back();
        return false;
    }

    /// One try; a pool without an idle session counts as one that failed.
    bool acquire_once(std::string_view name) {
        constexpr std::chrono::steady_clock::time_point past{};
        return acquire_with(wait::none(), past, std::nullopt, {}, name);
    }

    /// Takes over a hold that the session has already.
    void adopt(std::string_view name) {
        try {
            Connection connection(*handle_.get());
            connection.admit(Kind, what(), std::nullopt, {});
            connection.adopt(Kind, what());
            connection_ = std::move(connection);
            ownership_ = ownership::owned;
        } catch (lock_error& error) {
            Subject::describe(error, what(), name);
            throw;
        }
    }

    /// Releases what is owned, and throws if it was not held.
    void release_owned() {
        if (ownership_ != ownership::owned) {
            misuse(std::errc::operation_not_permitted,
                   "pglocks: unlock() of a lock that this object does not own");
        }
        if (give_back() == release_result::not_held) {
            handle_.give_back();
            throw lock_was_not_held(missing(), subject_.name());
        }
        handle_.give_back();
    }

    /// Leaves what is owned to the session.
    value_type disown() noexcept {
        if (ownership_ == ownership::owned) {
            connection_.disown(Kind, what());
        }
        ownership_ = ownership::none;
        return what();
    }

private:
    static constexpr bool owner_releases = !Kind.ends_with_transaction;

    /// Releases what is owned; the object does not own it afterwards.
    release_result give_back() noexcept {
        ownership_ = ownership::none;
        const release_result end = connection_.release(Kind, what(), subject_.name());
        if (end == release_result::lost) {
            ownership_ = ownership::lost;
        }
        return end;
    }

    /// The key whose release found nothing.
    [[nodiscard]] lock_key missing() const noexcept {
        if constexpr (std::same_as<value_type, lock_key>) {
            return what();
        } else {
            return connection_.missing();
        }
    }

    [[no_unique_address]] Handle handle_;
    key_space space_ = key_space::bigint; // these two stand in the handle's padding
    ownership ownership_ = ownership::none;
    Connection connection_;
    Subject subject_{};
};

/// The state that a policy set's lock has.
template <class Set, class Connection, class Handle, class Subject>
using state_for = lock_state<lock_kind{.ends_with_transaction = !rule::released_by_owner<Set>,
                                       .shared = rule::is_shared<Set>},
                             Connection, Handle, Subject>;

} // namespace pglocks::detail
