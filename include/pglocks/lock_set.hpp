// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/detail/constructor_rules.hpp>
#include <pglocks/detail/lock_body.hpp>
#include <pglocks/detail/lock_construction.hpp>
#include <pglocks/detail/lock_range.hpp>
#include <pglocks/detail/policy_list.hpp>
#include <pglocks/fwd.hpp>
#include <pglocks/key_of.hpp>
#include <pglocks/lock.hpp>
#include <pglocks/postgres/session_handle.hpp>
#include <pglocks/postgres/set_connection.hpp>
#include <pglocks/transaction.hpp>

#include <soci/connection-pool.h>
#include <soci/soci.h>

#include <concepts>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace pglocks {

namespace detail {

/// What a list in braces is for locks of this set: there are names in it only if the hash takes names.
template <class Set>
using list_for = std::conditional_t<rule::hash_takes_names<typename Set::template get<axis::hash>>, lock_list,
                                    std::initializer_list<lock_key>>;

template <class... P>
using set_body_for =
    constructible_body<of_many<canonical_t<P...>>, lock_body<canonical_t<P...>, postgres::set_connection,
                                                             postgres::session_handle, lock_set_keys>>;

} // namespace detail

/// An owner of many PostgreSQL advisory locks that are taken and released together: all of them, or none.
///
/// The policies are those of `basic_advisory_lock`, and so are the operations, the states and the errors; an
/// error tells how many locks were asked for, and the first of them. Duplicates count once, and the keys are
/// taken in one order, by key space and then by key, so that sets never deadlock against each other; nor
/// against locks that are taken one by one in that order. An empty set is owned without asking the server.
///
/// - Cost: one round trip for an acquisition, free or not, for a try and for a release of all of them; two
///   for a try at transaction scope. The server works on each key: 1,000 keys take about a millisecond.
/// - Fairness: as it waits for one key, a set holds those before it already, and others wait for these.
/// - An error of a wait inside a transaction leaves the transaction usable. One of a try at session scope
///   fails it; what was taken is given back when it has ended.
///
/// ```
/// const pglocks::advisory_lock_set<> locks(sql, {"account:17", "account:4"});
/// ```
template <class... Policies>
class advisory_lock_set : public detail::set_body_for<Policies...> {
    using body = detail::set_body_for<Policies...>;
    using set = detail::of_many<detail::canonical_t<Policies...>>;
    using list = detail::list_for<set>;
    static constexpr bool owner_releases = rule::released_by_owner<set>;

public:
    using typename body::hash_policy;
    using typename body::mode_policy;
    using typename body::scope_policy;
    using typename body::wait_policy;

    /// A set without a session.
    advisory_lock_set() noexcept
        requires(owner_releases && std::default_initializable<wait_policy>)
    = default;
    /// Moves the locks, session and all; what is moved from has no session.
    advisory_lock_set(advisory_lock_set&&)
        requires owner_releases
    = default;
    /// Releases what this object owns, as its destructor would, and moves.
    advisory_lock_set& operator=(advisory_lock_set&&)
        requires owner_releases
    = default;
    ~advisory_lock_set() = default;

    /// Session scope: acquires all of a range on a session, or on one leased from a pool.
    ///
    /// \param resource as for one lock
    /// \param range a range of names or of keys, or a list in braces, which may have both, as
    ///   `{"a", 7, {1, 2}}`; the keys of a `name_set` are its `keys`
    /// \param how as for one lock
    ///
    /// *Throws*: as `lock()`, and `refused` for a name that the hash cannot map. Cost: as `lock()`.
    template <detail::session_resource R, class N = list, class... A>
        requires(owner_releases && rule::takes_arguments<set, R, detail::seen_t<N>, A...>)
    [[nodiscard("pglocks: the locks are released at the end of this statement: give them a name")]]
    advisory_lock_set(R& resource, N&& range, const A&... how)
        : body(postgres::session_handle(resource), keys_of(std::forward<N>(range), how...),
               detail::pick<wait_policy>(how...)) {
        this->start(this->take_first_name(), how...);
    }

    /// Transaction scope: acquires all of a range until the transaction ends. Parameters, *Throws* and cost
    /// as at session scope; no `adopt_lock`.
    template <class N = list, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, detail::seen_t<N>, A...> &&
                 !rule::may_come_back_empty<set, A...>)
    advisory_lock_set(transaction& within, N&& range, const A&... how)
        : advisory_lock_set(in_transaction, within.session(), std::forward<N>(range), how...) {}
    /// As above, where it may come back without the locks: look at `owns_lock()`.
    template <class N = list, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, detail::seen_t<N>, A...> &&
                 rule::may_come_back_empty<set, A...>)
    [[nodiscard("pglocks: the locks may not have been granted: look at owns_lock()")]]
    advisory_lock_set(transaction& within, N&& range, const A&... how)
        : advisory_lock_set(in_transaction, within.session(), std::forward<N>(range), how...) {}

    /// Transaction scope in existing code: a session and its `soci::transaction`, as for one lock.
    template <class N = list, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, detail::seen_t<N>, A...> &&
                 !rule::may_come_back_empty<set, A...>)
    advisory_lock_set(soci::session& session, soci::transaction& /*within*/, N&& range, const A&... how)
        : advisory_lock_set(in_transaction, session, std::forward<N>(range), how...) {}
    /// As above, where it may come back without the locks: look at `owns_lock()`.
    template <class N = list, class... A>
        requires(!owner_releases && rule::takes_arguments<set, transaction, detail::seen_t<N>, A...> &&
                 rule::may_come_back_empty<set, A...>)
    [[nodiscard("pglocks: the locks may not have been granted: look at owns_lock()")]]
    advisory_lock_set(soci::session& session, soci::transaction& /*within*/, N&& range, const A&... how)
        : advisory_lock_set(in_transaction, session, std::forward<N>(range), how...) {}

    /// The keys, in the order in which they are taken, each once. They live as long as this object's.
    [[nodiscard]] lock_keys keys() const noexcept { return this->what(); }
    /// How many keys there are, each counted once.
    [[nodiscard]] std::size_t size() const noexcept { return keys().size(); }
    /// Whether there is no key.
    [[nodiscard]] bool empty() const noexcept { return keys().empty(); }

    /// Exchanges the locks of two objects.
    void swap(advisory_lock_set& other) noexcept
        requires owner_releases
    {
        body::swap(other);
    }
    friend void swap(advisory_lock_set& a, advisory_lock_set& b) noexcept
        requires owner_releases
    {
        a.swap(b);
    }

    // clang-format off
    advisory_lock_set() requires (owner_releases && !std::default_initializable<wait_policy>) = delete; // pglocks: the wait policy of these locks has no default value: pass its value after the names
    advisory_lock_set() requires (!owner_releases) = delete; // pglocks: transaction-scope locks are built from their transaction: pass a pglocks::transaction, or a soci::session and its soci::transaction
    advisory_lock_set(const advisory_lock_set&) = delete; // pglocks: a set of locks has one owner: move session-scope locks, and leave transaction-scope locks where they are
    advisory_lock_set& operator=(const advisory_lock_set&) = delete; // pglocks: a set of locks has one owner: move session-scope locks, and leave transaction-scope locks where they are
    void swap(advisory_lock_set&) requires (!owner_releases) = delete; // pglocks: transaction-scope locks belong to their transaction: drop swap(), or choose scope::session
    template <class... A> requires rule::breaks<constructor_rule::needs_a_session, set, A...> explicit advisory_lock_set(A&&...) = delete; // pglocks: locks are taken on a soci::session or a soci::connection_pool, or in a pglocks::transaction: pass it first, not const, and dereference a pointer
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::needs_a_session, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: locks are taken on a soci::session or a soci::connection_pool, or in a pglocks::transaction: pass it first, not const, and dereference a pointer
    template <class... A> requires rule::breaks<constructor_rule::takes_no_transaction, set, A...> explicit advisory_lock_set(A&&...) = delete; // pglocks: session-scope locks take no transaction: leave it out, or add scope::transaction
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::takes_no_transaction, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: session-scope locks take no transaction: leave it out, or add scope::transaction
    template <class... A> requires rule::breaks<constructor_rule::needs_a_transaction, set, A...> explicit advisory_lock_set(A&&...) = delete; // pglocks: transaction-scope locks are built from their transaction: pass a pglocks::transaction, or a soci::session and its soci::transaction
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::needs_a_transaction, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: transaction-scope locks are built from their transaction: pass a pglocks::transaction, or a soci::session and its soci::transaction
    template <class... A> requires rule::breaks<constructor_rule::needs_names_or_keys, set, A...> explicit advisory_lock_set(A&&...) = delete; // pglocks: a set of locks is taken on a range of names, of signed integers of at most 64 bits or of pglocks::lock_key (for a pair, lock_key(a, b)), or on a list of them in braces: for one lock, use basic_advisory_lock
    template <class First, class N = detail::lock_list, class... A> requires rule::breaks<constructor_rule::hash_takes_names, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: hash::none takes no names: pass a range of keys, or choose hash::postgres<> or another hash
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::adopts_on_a_session, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: adopt_lock takes over session-scope locks of a given soci::session: leave it out here
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::takes_no_bound, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: this wait policy takes no bound: leave the duration or time point out, or choose wait::timeout or wait::poll<>
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::arguments_have_a_meaning, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: after the names or keys come, each once at most, values of this set's own stateful policies, one of defer_lock, try_to_lock, adopt_lock, a duration, a time point, and a stop_token where the constructor waits
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::needs_a_bound, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: wait::timeout needs its bound: pass a duration or a time point, or try_to_lock or defer_lock
    template <class First, class N = list, class... A> requires rule::breaks<constructor_rule::needs_policy_values, set, First, N, A...> advisory_lock_set(First&&, N&&, A&&...) = delete; // pglocks: a policy of these locks has no default value: pass its value after the names, as hash::siphash needs its key
    // clang-format on

private:
    static constexpr detail::delegated in_transaction{};

    template <class N, class... A>
    advisory_lock_set(detail::delegated, soci::session& session, N&& range, const A&... how)
        : body(postgres::session_handle(session), keys_of(std::forward<N>(range), how...),
               detail::pick<wait_policy>(how...)) {
        this->start(this->take_first_name(), how...);
    }

    template <class N, class... A>
    // NOLINTNEXTLINE(cppcoreguidelines-missing-std-forward): it is read in place
    [[nodiscard]] static detail::lock_set_keys keys_of(N&& range, const A&... how) {
        if constexpr (rule::range_of_names<std::remove_cvref_t<N>> && rule::hash_takes_names<hash_policy>) {
            return {range, [hash = detail::pick<hash_policy>(how...)](std::string_view name) {
                        return key_of<hash_policy>(name, hash);
                    }};
        } else {
            return {range, [](std::string_view) { return lock_key(0); }};
        }
    }
};

/// An invalid set of policies: the `error:` line says which rule it breaks and what to write instead.
template <class... Policies>
    requires(!valid_policy_set<Policies...>)
class advisory_lock_set<Policies...> : public detail::rejected<Policies...> {
public:
    using detail::rejected<Policies...>::rejected;
};

// Without policies it is the default set: what does not fit that does not compile.
/// \cond
template <class R, class N, class... A>
    requires(detail::session_resource<R> || detail::soci_transaction<R>)
advisory_lock_set(R&, N&&, const A&...) -> advisory_lock_set<>;
template <class R, class... A>
    requires(detail::session_resource<R> || detail::soci_transaction<R>)
advisory_lock_set(R&, detail::lock_list, const A&...) -> advisory_lock_set<>;
/// \endcond

} // namespace pglocks
