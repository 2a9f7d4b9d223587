// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/deadline.hpp>
#include <pglocks/detail/lock_state.hpp>
#include <pglocks/key.hpp>
#include <pglocks/policy/rules.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <utility>

namespace pglocks::detail {

/// The operations of a lock as its policies have them, and the sentences of those that it lacks: the body
/// that all spellings of one policy set share.
///
/// `Connection` models `lock_connection`; `Handle` says where it comes from; `Subject` is what is locked. See
/// `basic_advisory_lock` for the table of states.
template <class Set, class Connection, class Handle, class Subject = one_lock>
class lock_body : public state_for<Set, Connection, Handle, Subject> {
    using state = state_for<Set, Connection, Handle, Subject>;
    using value_type = typename Subject::value_type;

public:
    using scope_policy = typename Set::template get<axis::scope>; ///< as given, or the default
    using mode_policy = typename Set::template get<axis::mode>;   ///< as given, or the default
    using wait_policy = typename Set::template get<axis::wait>;   ///< as given, or the default
    using hash_policy = typename Set::template get<axis::hash>;   ///< as given, or the default

    /// Acquires, waiting as the wait policy does. Holds the lock, or throws.
    ///
    /// *Throws*: `lock_error`; `std::system_error` with `operation_not_permitted` without a session,
    /// `resource_deadlock_would_occur` if this object owns the lock already, `resource_unavailable_try_again`
    /// if a wait policy of one's own gives up without a bound. Cost: one round trip when the lock is free,
    /// and one more for the first lock of a connection; what a wait costs, its policy says.
    void lock()
        requires rule::waits_unbounded<Set>
    {
        require(acquire(std::nullopt, {}, {}));
    }

    /// As `lock()`, but answers false, with nothing held, when a stop is requested first.
    ///
    /// *Throws*: as `lock()`, and `std::system_error` if there is no file descriptor to wait for a stop with.
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool lock(const std::stop_token& stop)
        requires rule::waits_unbounded<Set>
    {
        return acquire(std::nullopt, stop, {});
    }

    /// One try, whatever the wait policy. *Throws* as `lock()`. Cost: as `lock()` when the lock is free.
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock() {
        return state::acquire_once({});
    }

    /// Acquires within `timeout`, or answers false. Rounded up to milliseconds; nothing or less is one try.
    ///
    /// A server that does not answer within the session's patience after that counts as lost: see
    /// `session_preset`. *Throws* and cost: as `lock()`.
    template <class Rep, class Period>
        requires rule::waits_bounded<Set>
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
        return acquire(bound_after(timeout), {}, {});
    }
    /// As above, and answers false, with nothing held, when a stop is requested first.
    template <class Rep, class Period>
        requires rule::waits_bounded<Set>
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout, const std::stop_token& stop) {
        return acquire(bound_after(timeout), stop, {});
    }

    /// Acquires before `when`, or answers false. *Throws* and cost: as `try_lock_for()`.
    template <class Clock, class Duration>
        requires rule::waits_bounded<Set>
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock_until(const std::chrono::time_point<Clock, Duration>& when) {
        return acquire(deadline_at(when), {}, {});
    }
    /// As above, and answers false, with nothing held, when a stop is requested first.
    template <class Clock, class Duration>
        requires rule::waits_bounded<Set>
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
        return acquire(deadline_at(when), stop, {});
    }

    /// Releases; afterwards this object does not own the lock, whatever happened.
    ///
    /// In an open transaction, a failed one, or on a busy connection the release is sent later: see
    /// `pending()`. A lost connection has nothing to release. Other failures of the environment go to the
    /// release-failure handler. *Throws*: `std::system_error` with `operation_not_permitted` if this object
    /// does not own the lock; `not_held` if the server says that the lock was not held, which under a guard
    /// of the standard library ends the process. Cost: one round trip.
    void unlock()
        requires rule::released_by_owner<Set>
    {
        state::release_owned();
    }

    /// `lock()` under the name that `std::shared_lock` asks for.
    void lock_shared()
        requires(rule::is_shared<Set> && rule::waits_unbounded<Set>)
    {
        lock();
    }
    /// `try_lock()` under the name that `std::shared_lock` asks for.
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock_shared()
        requires rule::is_shared<Set>
    {
        return try_lock();
    }
    /// `try_lock_for()` under the name that `std::shared_lock` asks for.
    template <class Rep, class Period>
        requires(rule::is_shared<Set> && rule::waits_bounded<Set>)
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& timeout) {
        return try_lock_for(timeout);
    }
    /// `try_lock_until()` under the name that `std::shared_lock` asks for.
    template <class Clock, class Duration>
        requires(rule::is_shared<Set> && rule::waits_bounded<Set>)
    [[nodiscard("pglocks: the lock may not have been acquired: look at the result")]]
    bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& when) {
        return try_lock_until(when);
    }
    /// `unlock()` under the name that `std::shared_lock` asks for.
    void unlock_shared()
        requires(rule::is_shared<Set> && rule::released_by_owner<Set>)
    {
        unlock();
    }

    /// Disowns the lock without releasing it, and returns its key, or keys: the session holds it on, and a
    /// session leased from a pool goes back to the pool holding it.
    [[nodiscard("pglocks: release() leaves the lock with the session: keep its key, or call unlock()")]]
    value_type release() noexcept
        requires rule::released_by_owner<Set>
    {
        return state::disown();
    }

    /// Whether this object owns the lock; at transaction scope, whether it was granted. No round trip.
    [[nodiscard]] bool owns_lock() const noexcept { return state::owns(); }
    [[nodiscard]] explicit operator bool() const& noexcept { return owns_lock(); }

    /// Whether this object owned the lock when its connection was lost. Asks the operating system; no round
    /// trip.
    [[nodiscard]] bool lost() const noexcept
        requires rule::released_by_owner<Set>
    {
        return state::was_lost();
    }

    /// Whether a release of this key and mode is still to be sent on this connection, at the transaction's
    /// end.
    [[nodiscard]] bool pending() const noexcept
        requires rule::released_by_owner<Set>
    {
        return state::has_pending_release();
    }

    /// The key of one lock; a set has `keys()`.
    [[nodiscard]] lock_key key() const noexcept
        requires std::same_as<value_type, lock_key>
    {
        return state::what();
    }

    /// The session: the one given, or the one leased from the pool; `nullptr` while there is none.
    [[nodiscard]] typename Connection::session_type* session() const noexcept {
        return state::handle().get();
    }

    /// The process ID of the session's backend, as in `pg_locks.pid`; 0 unless `owns_lock()`, and behind a
    /// pooler that was not declared to be in session mode.
    [[nodiscard]] int backend_pid() const noexcept {
        return owns_lock() ? state::connection().backend_pid() : 0;
    }

    // clang-format off
    explicit operator bool() const&& = delete; // pglocks: the lock is released before the condition's body runs: give it a name
    void lock() requires (!rule::waits_unbounded<Set>) = delete; // pglocks: this wait policy never waits without a bound: use try_lock() or try_lock_for(), or choose wait::block or wait::poll<>
    bool lock(const std::stop_token&) requires (!rule::waits_unbounded<Set>) = delete; // pglocks: this wait policy never waits without a bound: use try_lock() or try_lock_for(), or choose wait::block or wait::poll<>
    template <class Duration, class... Stop> requires (!rule::waits_bounded<Set>) bool try_lock_for(const Duration&, const Stop&...) = delete; // pglocks: this wait policy takes no bound: use lock() or try_lock(), or choose wait::timeout or wait::poll<>
    template <class TimePoint, class... Stop> requires (!rule::waits_bounded<Set>) bool try_lock_until(const TimePoint&, const Stop&...) = delete; // pglocks: this wait policy takes no bound: use lock() or try_lock(), or choose wait::timeout or wait::poll<>
    void unlock() requires (!rule::released_by_owner<Set>) = delete; // pglocks: a transaction-scope lock is released by its transaction: drop unlock(), or choose scope::session
    value_type release() requires (!rule::released_by_owner<Set>) = delete; // pglocks: a transaction-scope lock is released by its transaction: drop release(), or choose scope::session
    bool lost() const requires (!rule::released_by_owner<Set>) = delete; // pglocks: a transaction-scope lock is lost with its transaction, whose commit then fails: drop lost(), or choose scope::session
    bool pending() const requires (!rule::released_by_owner<Set>) = delete; // pglocks: a transaction-scope lock has no release of its own: drop pending(), or choose scope::session
    template <class... A> requires (!rule::is_shared<Set>) void lock_shared(const A&...) = delete; // pglocks: this lock is exclusive: use lock(), or choose mode::shared
    template <class... A> requires (!rule::is_shared<Set>) bool try_lock_shared(const A&...) = delete; // pglocks: this lock is exclusive: use try_lock(), or choose mode::shared
    template <class... A> requires (!rule::is_shared<Set>) bool try_lock_shared_for(const A&...) = delete; // pglocks: this lock is exclusive: use try_lock_for(), or choose mode::shared
    template <class... A> requires (!rule::is_shared<Set>) bool try_lock_shared_until(const A&...) = delete; // pglocks: this lock is exclusive: use try_lock_until(), or choose mode::shared
    void lock_shared() requires (rule::is_shared<Set> && !rule::waits_unbounded<Set>) = delete; // pglocks: this wait policy never waits without a bound: use try_lock_shared() or try_lock_shared_for(), or choose wait::block or wait::poll<>
    template <class... A> requires (rule::is_shared<Set> && !rule::waits_bounded<Set>) bool try_lock_shared_for(const A&...) = delete; // pglocks: this wait policy takes no bound: use lock_shared() or try_lock_shared(), or choose wait::timeout or wait::poll<>
    template <class... A> requires (rule::is_shared<Set> && !rule::waits_bounded<Set>) bool try_lock_shared_until(const A&...) = delete; // pglocks: this wait policy takes no bound: use lock_shared() or try_lock_shared(), or choose wait::timeout or wait::poll<>
    void unlock_shared() requires (rule::is_shared<Set> && !rule::released_by_owner<Set>) = delete; // pglocks: a transaction-scope lock is released by its transaction: drop unlock_shared(), or choose scope::session
    template <class... A> requires (!rule::is_shared<Set>) void unlock_shared(const A&...) = delete; // pglocks: this lock is exclusive: use unlock(), or choose mode::shared
    // clang-format on

protected:
    lock_body() noexcept
        requires(rule::released_by_owner<Set> && std::default_initializable<wait_policy>)
    = default;

    lock_body(Handle handle, lock_key key, const std::string_view* constant_name, wait_policy wait)
        : state(std::move(handle), key, constant_name),
          wait_(std::move(wait)) {}

    lock_body(Handle handle, Subject subject, wait_policy wait)
        : state(std::move(handle), std::move(subject)),
          wait_(std::move(wait)) {}

    lock_body(lock_body&& other) noexcept
        requires rule::released_by_owner<Set>
    = default;

    lock_body& operator=(lock_body&& other) noexcept
        requires rule::released_by_owner<Set>
    {
        lock_body(std::move(other)).swap(*this);
        return *this;
    }

    ~lock_body() = default;

    void swap(lock_body& other) noexcept
        requires rule::released_by_owner<Set>
    {
        using std::swap;
        state::swap(other);
        swap(wait_, other.wait_);
    }

    /// Acquires with the wait policy. `name` is what an error is to call the lock.
    bool acquire(deadline until, const std::stop_token& stop, std::string_view name) {
        return state::acquire_with(wait_, until, until, stop, name);
    }

    /// An unbounded wait that comes back has the lock, if the wait policy keeps its promise.
    static void require(bool acquired) {
        if (!acquired) {
            misuse(std::errc::resource_unavailable_try_again,
                   "pglocks: the wait policy gave up without a bound");
        }
    }

private:
    [[no_unique_address]] wait_policy wait_{};
};

} // namespace pglocks::detail
