// SPDX-License-Identifier: BSL-1.0
#pragma once

/// What each of the library's policies offers, written down once more by hand: the tests compare the library
/// with this table, so nothing here asks the library. A built-in scope, mode or wait policy without a row
/// does not compile.

#include <pglocks/interop/interop.hpp>
#include <pglocks/policy.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>

namespace pglocks_test {

template <class Scope>
struct scope_row;
template <>
struct scope_row<pglocks::scope::session> {
    static constexpr bool from_session = true; ///< built from a session or a pool, else from a transaction
};
template <>
struct scope_row<pglocks::scope::transaction> {
    static constexpr bool from_session = false;
};

template <class Mode>
struct mode_row;
template <>
struct mode_row<pglocks::mode::exclusive> {
    static constexpr bool shared_names = false;
};
template <>
struct mode_row<pglocks::mode::shared> {
    static constexpr bool shared_names = true;
};

template <class Wait>
struct wait_row;
template <>
struct wait_row<pglocks::wait::block> {
    static constexpr bool lock = true;             ///< `lock()`, `lock(stop_token)`
    static constexpr bool try_lock_for = false;    ///< and `try_lock_until`
    static constexpr bool acquires_plainly = true; ///< a constructor without tag and bound
    static constexpr bool takes_value = false;     ///< the policy has state
};
template <>
struct wait_row<pglocks::wait::none> {
    static constexpr bool lock = false;
    static constexpr bool try_lock_for = false;
    static constexpr bool acquires_plainly = true;
    static constexpr bool takes_value = false;
};
template <>
struct wait_row<pglocks::wait::timeout> {
    static constexpr bool lock = false;
    static constexpr bool try_lock_for = true;
    static constexpr bool acquires_plainly = false;
    static constexpr bool takes_value = false;
};
template <>
struct wait_row<pglocks::wait::poll<>> {
    static constexpr bool lock = true;
    static constexpr bool try_lock_for = true;
    static constexpr bool acquires_plainly = true;
    static constexpr bool takes_value = true;
};

template <class Hash, class... Listed>
constexpr bool is_among(pglocks::type_list<Listed...>) {
    return (std::same_as<Hash, Listed> || ...);
}
template <class Hash>
concept among_interop = is_among<Hash>(pglocks::interop::all());

enum class names : std::uint8_t { taken, taken_with_a_value, refused };

/// Most hashes take a name and need nothing else; those that do not have a row of their own.
template <class Hash>
struct hash_row {
    static constexpr names of = names::taken;
};
template <>
struct hash_row<pglocks::hash::siphash> {
    static constexpr names of = names::taken_with_a_value;
};
template <>
struct hash_row<pglocks::hash::none> {
    static constexpr names of = names::refused;
};

/// Of the hashes of other ecosystems, which are alike to a lock, one of integers and one of pairs stand for
/// all where each combination costs compile time.
template <class Hash>
inline constexpr bool is_representative =
    !among_interop<Hash> || std::same_as<Hash, pglocks::interop::django_pglocks> ||
    std::same_as<Hash, pglocks::interop::with_advisory_lock<>>;

/// The rows of one lock.
struct row {
    bool from_session;
    bool shared_names;
    bool lock;
    bool try_lock_for;
    bool acquires_plainly;
    bool takes_wait_value;
    names of;
};

template <class Scope, class Mode, class Wait, class Hash>
inline constexpr row row_of{.from_session = scope_row<Scope>::from_session,
                            .shared_names = mode_row<Mode>::shared_names,
                            .lock = wait_row<Wait>::lock,
                            .try_lock_for = wait_row<Wait>::try_lock_for,
                            .acquires_plainly = wait_row<Wait>::acquires_plainly,
                            .takes_wait_value = wait_row<Wait>::takes_value,
                            .of = hash_row<Hash>::of};

/// What stands first among a constructor's arguments.
enum class resource : std::uint8_t {
    session,
    pool,
    known_transaction,
    session_and_transaction,
    transaction_alone
};
/// What stands second.
enum class subject : std::uint8_t { name, key, number, nothing };
/// What follows.
enum class option : std::uint8_t {
    defer_lock,
    try_to_lock,
    adopt_lock,
    duration,
    time_point,
    stop_token,
    hash_value,
    wait_value,
    something_else
};

/// Whether the rules allow a lock with this row to be built so.
[[nodiscard]] constexpr bool allows(const row& lock, resource from, subject what,
                                    std::initializer_list<option> how) {
    const auto times = [&](option o) { return std::count(how.begin(), how.end(), o); };
    const bool from_session = from == resource::session || from == resource::pool;
    const bool from_transaction =
        from == resource::known_transaction || from == resource::session_and_transaction;
    if (lock.from_session ? !from_session : !from_transaction) {
        return false;
    }
    if (what == subject::nothing || what == subject::number) {
        return false;
    }
    const bool named = what == subject::name;
    if (named && lock.of == names::refused) {
        return false;
    }
    for (const option o : how) {
        if (times(o) > 1 || o == option::something_else) {
            return false;
        }
    }
    const auto tags = times(option::defer_lock) + times(option::try_to_lock) + times(option::adopt_lock);
    const auto bounds = times(option::duration) + times(option::time_point);
    if (tags + bounds > 1) {
        return false;
    }
    if (times(option::adopt_lock) > 0 && from != resource::session) {
        return false;
    }
    if (bounds > 0 && !lock.try_lock_for) {
        return false;
    }
    if (tags + bounds == 0 && !lock.acquires_plainly) {
        return false;
    }
    const bool waits = bounds > 0 || (tags == 0 && lock.lock);
    if (times(option::stop_token) > 0 && !waits) {
        return false;
    }
    if (times(option::wait_value) > 0 && !lock.takes_wait_value) {
        return false;
    }
    const bool wants_hash_value = named && lock.of == names::taken_with_a_value;
    return wants_hash_value == (times(option::hash_value) > 0);
}

/// The combination in words, for the message of a test that fails.
template <class S, class M, class W, class H>
const char* spelled() {
    return __PRETTY_FUNCTION__;
}

} // namespace pglocks_test
