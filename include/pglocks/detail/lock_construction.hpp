// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/detail/constructor_rules.hpp>

#include <concepts>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>

namespace pglocks::detail {

/// The first of the arguments that is a `T`, else a default one.
template <class T>
[[nodiscard]] constexpr T pick() {
    return T{};
}
template <class T, class First, class... A>
[[nodiscard]] constexpr T pick(const First& first, const A&... rest) {
    if constexpr (std::same_as<T, First>) {
        return first;
    } else {
        return pick<T>(rest...);
    }
}

/// The bound among the arguments, if there is one.
[[nodiscard]] inline deadline bound_among() { return std::nullopt; }
template <class First, class... A>
[[nodiscard]] deadline bound_among(const First& first, const A&... rest) {
    if constexpr (!is_bound<First>) {
        return bound_among(rest...);
    } else if constexpr (requires { typename First::clock; }) {
        return deadline_at(first);
    } else {
        return bound_after(first);
    }
}

/// A lock's body with what its constructors do once it stands, as their arguments say.
template <class Set, class Body>
class constructible_body : public Body {
protected:
    using Body::Body;

    /// What the constructor does once the object stands.
    template <class... A>
    void start(std::string_view name, const A&... how) {
        if constexpr (given<std::defer_lock_t, A...>) {
            return;
        } else if constexpr (given<std::adopt_lock_t, A...>) {
            this->adopt(name);
        } else if constexpr (given<std::try_to_lock_t, A...> ||
                             !(rule::waits_unbounded<Set> || rule::waits_bounded<Set>)) {
            this->acquire_once(name);
        } else {
            const auto stop = pick<std::stop_token>(how...);
            const bool acquired = this->acquire(bound_among(how...), stop, name);
            if constexpr (!rule::may_come_back_empty<Set, A...>) {
                this->require(acquired);
            }
        }
    }
};

} // namespace pglocks::detail
