// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/detail/constructor_rules.hpp>
#include <pglocks/detail/lock_body.hpp>
#include <pglocks/detail/lock_construction.hpp>
#include <pglocks/detail/policy_list.hpp>
#include <pglocks/fwd.hpp>
#include <pglocks/key_of.hpp>
#include <pglocks/name.hpp>
#include <pglocks/postgres/connection.hpp>
#include <pglocks/postgres/session_handle.hpp>
#include <pglocks/transaction.hpp>

#include <soci/connection-pool.h>
#include <soci/soci.h>

#include <concepts>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <type_traits>

namespace pglocks {

namespace detail {

template <class... P>
using body_for =
    constructible_body<canonical_t<P...>,
                       lock_body<canonical_t<P...>, postgres::connection, postgres::session_handle>>;

/// Stands in for a lock with an invalid set: says why, and takes everything else, so that there is one error.
template <class... P>
struct rejected : complaint<P...> {
    template <class... A>
    explicit rejected(A&&...) noexcept {} // NOLINT(bugprone-forwarding-reference-overload)
    template <class R, class... A>
    explicit rejected(R&, lock_key, A&&...) noexcept {} // a key in braces
    void lock(auto&&...) {}
    void unlock() {}
    bool try_lock() { return false; }
    bool try_lock_for(auto&&...) { return false; }
    bool try_lock_until(auto&&...) { return false; }
    void lock_shared(auto&&...) {}
    bool try_lock_shared() { return false; }
    void unlock_shared() {}
    [[nodiscard]] bool owns_lock() const { return false; }
    explicit operator bool() const { return false; }
};

} // namespace detail

/// An owner of a PostgreSQL advisory lock, in the manner of `std::unique_lock`.
///
/// The policies choose the scope, the mode, the way to wait and the hash, in any order, each axis once at
/// most; what is not given is `scope::session`, `mode::exclusive`, `wait::block`, `hash::postgres<>`.
///
/// A default-constructed or moved-from lock has *no session*. A lock *owns* its key from the acquisition that
/// comes back with it to its release. It is *lost* when its connection has ended meanwhile, and somebody has
/// noticed: `lost()` looks, and stays true until the next attempt to acquire. Each operation leads from one
/// state to another, or is *misuse*, which throws `std::system_error` and changes nothing:
///
/// | state      | `lock()`, `try_lock...()` | `unlock()` | `release()`         | destructor |
/// |------------|---------------------------|------------|---------------------|------------|
/// | no session | misuse                    | misuse     | no session          | nothing    |
/// | not owning | owning, or not owning     | misuse     | not owning          | nothing    |
/// | owning     | misuse                    | not owning | not owning; held on | releases   |
/// | lost       | owning, or not owning     | not owning | not owning          | nothing    |
///
/// A release inside an open or failed transaction, or on a busy connection, is `pending()`: it is sent with
/// the transaction's end, and taken back if the key is locked again before. There is no exclusion within one
/// session: two locks of one session on one key both own it. docs/explanation/guarantees.md tells more.
///
/// A transaction-scope lock ends with its transaction; it has no `unlock()`, and its `owns_lock()` means *was
/// granted*.
///
/// A lock, its session, and the other locks of that session belong to one thread at a time.
template <class... Policies>
class basic_advisory_lock : public detail::body_for<Policies...> {
    using body = detail::body_for<Policies...>;
    using set = detail::canonical_t<Policies...>;
    static constexpr bool owner_releases = rule::released_by_owner<set>;

public:
    using typename body::hash_policy;
    using typename body::mode_policy;
    using typename body::scope_policy;
    using typename body::wait_policy;

    /// A lock without a session.
    basic_advisory_lock() noexcept
        requires(owner_releases && std::default_initializable<wait_policy>)
    = default;
    /// Moves the lock, session and all; what is moved from has no session.
    basic_advisory_lock(basic_advisory_lock&&)
        requires owner_releases
    = default;
    /// Releases what this object owns, as its destructor would, and moves.
    basic_advisory_lock& operator=(basic_advisory_lock&&)
        requires owner_releases
    = default;
    ~basic_advisory_lock() = default;

    /// Session scope: acquires `name` on a session, or on one leased from a pool, as the wait policy does.
    ///
    /// \param resource `soci::session`, or `soci::connection_pool`, which must outlive the lock. A pool gets
    ///   its session back without an open transaction (that is rolled back) when the lock is unlocked or
    ///   destroyed
    /// \param name anything convertible to `std::string_view`, or a `_lock` literal
    /// \param how in any order: the values of this lock's stateful policies; one of `std::defer_lock`,
    ///   `std::try_to_lock`, `std::adopt_lock`, a duration or a time point; a `std::stop_token`
    ///
    /// *Throws*: as `lock()`, and `refused` for a name that the hash cannot map. Cost: as `lock()`.
    template <detail::session_resource R, rule::lock_name N, class... A>
        requires(owner_releases && rule::takes_arguments<set, R, N, A...>)
    [[nodiscard("pglocks: the lock is released at the end of this statement: give it a name")]]
    basic_advisory_lock(R& resource, const N& name, const A&... how)
        : body(postgres::session_handle(resource), named_key(name, how...), detail::constant_name<N>,
               detail::pick<wait_policy>(how...)) {
        this->start(detail::text_of(name), how...);
    }

    /// Session scope: acquires a key: an integer, or a pair of them in braces. Parameters, *Throws* and cost
    /// as for a name.
    template <detail::session_resource R, class... A>
        requires(owner_releases && rule::takes_arguments<set, R, lock_key, A...>)
    [[nodiscard("pglocks: the lock is released at the end of this statement: give it a name")]]
    basic_advisory_lock(R& resource, lock_key key, const A&... how)
        : body(postgres::session_handle(resource), key, nullptr, detail::pick<wait_policy>(how...)) {
        this->start({}, how...);
    }

    /// Transaction scope: acquires `name` until the transaction ends. Parameters, *Throws* and cost as at
    /// session scope; no `adopt_lock`.
    template <rule::lock_name N, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, N, A...> &&
                 !rule::may_come_back_empty<set, A...>)
    basic_advisory_lock(transaction& within, const N& name, const A&... how)
        : basic_advisory_lock(in_transaction, within.session(), name, how...) {}
    /// As above, where it may come back without the lock: look at `owns_lock()`.
    template <rule::lock_name N, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, N, A...> &&
                 rule::may_come_back_empty<set, A...>)
    [[nodiscard("pglocks: the lock may not have been granted: look at owns_lock()")]]
    basic_advisory_lock(transaction& within, const N& name, const A&... how)
        : basic_advisory_lock(in_transaction, within.session(), name, how...) {}

    /// Transaction scope: acquires a key until the transaction ends. Otherwise as for a name.
    template <class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, lock_key, A...> &&
                 !rule::may_come_back_empty<set, A...>)
    basic_advisory_lock(transaction& within, lock_key key, const A&... how)
        : basic_advisory_lock(in_transaction, within.session(), key, how...) {}
    /// As above, where it may come back without the lock: look at `owns_lock()`.
    template <class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, lock_key, A...> &&
                 rule::may_come_back_empty<set, A...>)
    [[nodiscard("pglocks: the lock may not have been granted: look at owns_lock()")]]
    basic_advisory_lock(transaction& within, lock_key key, const A&... how)
        : basic_advisory_lock(in_transaction, within.session(), key, how...) {}

    /// Transaction scope in existing code: a session and its `soci::transaction`.
    ///
    /// That the two belong together cannot be known: that the session is in a transaction is checked.
    template <rule::lock_name N, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, N, A...> &&
                 !rule::may_come_back_empty<set, A...>)
    basic_advisory_lock(soci::session& session, soci::transaction& /*within*/, const N& name, const A&... how)
        : basic_advisory_lock(in_transaction, session, name, how...) {}
    /// As above, where it may come back without the lock: look at `owns_lock()`.
    template <rule::lock_name N, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, N, A...> &&
                 rule::may_come_back_empty<set, A...>)
    [[nodiscard("pglocks: the lock may not have been granted: look at owns_lock()")]]
    basic_advisory_lock(soci::session& session, soci::transaction& /*within*/, const N& name, const A&... how)
        : basic_advisory_lock(in_transaction, session, name, how...) {}
    /// Transaction scope in existing code, a key. Otherwise as for a name.
    template <class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, lock_key, A...> &&
                 !rule::may_come_back_empty<set, A...>)
    basic_advisory_lock(soci::session& session, soci::transaction& /*within*/, lock_key key, const A&... how)
        : basic_advisory_lock(in_transaction, session, key, how...) {}
    /// As above, where it may come back without the lock: look at `owns_lock()`.
    template <class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, lock_key, A...> &&
                 rule::may_come_back_empty<set, A...>)
    [[nodiscard("pglocks: the lock may not have been granted: look at owns_lock()")]]
    basic_advisory_lock(soci::session& session, soci::transaction& /*within*/, lock_key key, const A&... how)
        : basic_advisory_lock(in_transaction, session, key, how...) {}

    /// Exchanges the locks of two objects.
    void swap(basic_advisory_lock& other) noexcept
        requires owner_releases
    {
        body::swap(other);
    }
    friend void swap(basic_advisory_lock& a, basic_advisory_lock& b) noexcept
        requires owner_releases
    {
        a.swap(b);
    }

    // clang-format off
    basic_advisory_lock() requires (owner_releases && !std::default_initializable<wait_policy>) = delete; // pglocks: the wait policy of this lock has no default value: pass its value after the name
    basic_advisory_lock() requires (!owner_releases) = delete; // pglocks: a transaction-scope lock is built from its transaction: pass a pglocks::transaction, or a soci::session and its soci::transaction
    basic_advisory_lock(const basic_advisory_lock&) = delete; // pglocks: a lock has one owner: move a session-scope lock, and leave a transaction-scope lock where it is
    basic_advisory_lock& operator=(const basic_advisory_lock&) = delete; // pglocks: a lock has one owner: move a session-scope lock, and leave a transaction-scope lock where it is
    void swap(basic_advisory_lock&) requires (!owner_releases) = delete; // pglocks: a transaction-scope lock belongs to its transaction: drop swap(), or choose scope::session
    template <class... A> requires rule::breaks<constructor_rule::needs_a_session, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: a lock is taken on a soci::session or a soci::connection_pool, or in a pglocks::transaction: pass it first, not const, and dereference a pointer
    template <class... A> requires rule::breaks<constructor_rule::takes_no_transaction, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: a session-scope lock takes no transaction: leave it out, or add scope::transaction
    template <class... A> requires rule::breaks<constructor_rule::needs_a_transaction, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: a transaction-scope lock is built from its transaction: pass a pglocks::transaction, or a soci::session and its soci::transaction
    template <class... A> requires rule::breaks<constructor_rule::needs_a_name_or_key, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: a lock is taken on a name, a signed integer of at most 64 bits, or a pair of std::int32_t: cast a number where you know that it fits, and make a name a std::string_view
    template <class... A> requires rule::breaks<constructor_rule::pair_in_braces, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: a pair of keys is one argument: put it in braces, {first, second}
    template <class... A> requires rule::breaks<constructor_rule::hash_takes_names, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: hash::none takes no names: pass a key, or choose hash::postgres<> or another hash
    template <class... A> requires rule::breaks<constructor_rule::adopts_on_a_session, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: adopt_lock takes over a session-scope lock of a given soci::session: leave it out here
    template <class... A> requires rule::breaks<constructor_rule::takes_no_bound, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: this wait policy takes no bound: leave the duration or time point out, or choose wait::timeout or wait::poll<>
    template <class... A> requires rule::breaks<constructor_rule::arguments_have_a_meaning, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: after the name or key come, each once at most, values of this lock's own stateful policies, one of defer_lock, try_to_lock, adopt_lock, a duration, a time point, and a stop_token where the constructor waits
    template <class... A> requires rule::breaks<constructor_rule::needs_a_bound, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: wait::timeout needs its bound: pass a duration or a time point, or try_to_lock or defer_lock
    template <class... A> requires rule::breaks<constructor_rule::needs_policy_values, set, A...> explicit basic_advisory_lock(A&&...) = delete; // pglocks: a policy of this lock has no default value: pass its value after the name, as hash::siphash needs its key
    // clang-format on

private:
    static constexpr detail::delegated in_transaction{};

    template <class N, class... A>
    basic_advisory_lock(detail::delegated, soci::session& session, const N& what, const A&... how)
        : body(postgres::session_handle(session), key_from(what, how...), detail::constant_name<N>,
               detail::pick<wait_policy>(how...)) {
        if constexpr (std::same_as<N, lock_key>) {
            this->start({}, how...);
        } else {
            this->start(detail::text_of(what), how...);
        }
    }

    template <class N, class... A>
    [[nodiscard]] static lock_key named_key(const N& name, const A&... how) {
        if constexpr (detail::is_name_constant<N> && stateless<hash_policy>) {
            static constexpr lock_key key = key_of<hash_policy>(N::value);
            return key;
        } else {
            return key_of<hash_policy>(detail::text_of(name), detail::pick<hash_policy>(how...));
        }
    }
    template <class N, class... A>
    [[nodiscard]] static lock_key key_from(const N& what, const A&... how) {
        if constexpr (std::same_as<N, lock_key>) {
            return what;
        } else {
            return named_key(what, how...);
        }
    }
};

/// An invalid set of policies: the `error:` line says which rule it breaks and what to write instead.
template <class... Policies>
    requires(!valid_policy_set<Policies...>)
class basic_advisory_lock<Policies...> : public detail::rejected<Policies...> {
public:
    using detail::rejected<Policies...>::rejected;
};

// `basic_advisory_lock lock(sql, "x", 250ms)` would silently be the default lock: deduction leads to a
// sentence instead.
/// \cond
template <class N, class... A>
basic_advisory_lock(soci::session&, const N&, const A&...) -> basic_advisory_lock<detail::deduced>;
template <class... A>
basic_advisory_lock(soci::session&, lock_key, const A&...) -> basic_advisory_lock<detail::deduced>;
template <class N, class... A>
basic_advisory_lock(soci::connection_pool&, const N&, const A&...) -> basic_advisory_lock<detail::deduced>;
template <class... A>
basic_advisory_lock(soci::connection_pool&, lock_key, const A&...) -> basic_advisory_lock<detail::deduced>;
template <class N, class... A>
basic_advisory_lock(transaction&, const N&, const A&...) -> basic_advisory_lock<detail::deduced>;
template <class... A>
basic_advisory_lock(transaction&, lock_key, const A&...) -> basic_advisory_lock<detail::deduced>;
template <class N, class... A>
basic_advisory_lock(soci::session&, soci::transaction&, const N&, const A&...)
    -> basic_advisory_lock<detail::deduced>;
template <class... A>
basic_advisory_lock(soci::session&, soci::transaction&, lock_key, const A&...)
    -> basic_advisory_lock<detail::deduced>;
/// \endcond

} // namespace pglocks
