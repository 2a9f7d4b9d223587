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

/// A lock's body with what its constructors do once it stands, as their arguments say.
template <class Set, class Body>
class constructible_body : public Body {
protected:
    using Body::Body;

    template <class... A>
    [[nodiscard]] static typename Body::wait_policy wait_value(const A&... how) {
        return pick<typename Body::wait_policy>(how...);
    }

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
            const bool acquired = this->acquire(bound(how...), stop, name);
            if constexpr (!rule::may_come_back_empty<Set, A...>) {
                this->require(acquired);
            }
        }
    }

private:
    [[nodiscard]] static deadline bound() { return std::nullopt; }
    template <class First, class... A>
    [[nodiscard]] static deadline bound(const First& first, const A&... how) {
        if constexpr (!is_bound<First>) {
            return bound(how...);
        } else if constexpr (requires { typename First::clock; }) {
            return deadline_at(first);
        } else {
            return bound_after(first);
        }
    }
};

} // namespace pglocks::detail
