// SPDX-License-Identifier: BSL-1.0
#pragma once

/// The operations that a lock may offer, each with the result that it has.

#include <pglocks/key.hpp>

#include <chrono>
#include <concepts>
#include <stop_token>

namespace pglocks_test {

template <class L>
concept has_lock = requires(L& l) {
    { l.lock() } -> std::same_as<void>;
};
template <class L>
concept has_stoppable_lock = requires(L& l, std::stop_token stop) {
    { l.lock(stop) } -> std::same_as<bool>;
};
template <class L>
concept has_try_lock = requires(L& l) {
    { l.try_lock() } -> std::same_as<bool>;
};
template <class L>
concept has_try_lock_for = requires(L& l) {
    { l.try_lock_for(std::chrono::milliseconds(1)) } -> std::same_as<bool>;
};
template <class L>
concept has_stoppable_try_lock_for = requires(L& l, std::stop_token stop) {
    { l.try_lock_for(std::chrono::milliseconds(1), stop) } -> std::same_as<bool>;
};
template <class L>
concept has_try_lock_until = requires(L& l, std::chrono::steady_clock::time_point when) {
    { l.try_lock_until(when) } -> std::same_as<bool>;
};
template <class L>
concept has_stoppable_try_lock_until =
    requires(L& l, std::chrono::system_clock::time_point when, std::stop_token stop) {
        { l.try_lock_until(when, stop) } -> std::same_as<bool>;
    };
template <class L>
concept has_unlock = requires(L& l) {
    { l.unlock() } -> std::same_as<void>;
};
template <class L>
concept has_release = requires(L& l) {
    { l.release() } noexcept -> std::same_as<pglocks::lock_key>;
};
template <class L>
concept has_lost = requires(const L& l) {
    { l.lost() } noexcept -> std::same_as<bool>;
};
template <class L>
concept has_pending = requires(const L& l) {
    { l.pending() } noexcept -> std::same_as<bool>;
};
template <class L>
concept has_swap = requires(L& a, L& b) {
    { a.swap(b) } noexcept;
};
template <class L>
concept has_free_swap = requires(L& a, L& b) {
    { swap(a, b) } noexcept;
};
template <class L>
concept has_lock_shared = requires(L& l) {
    { l.lock_shared() } -> std::same_as<void>;
};
template <class L>
concept has_try_lock_shared = requires(L& l) {
    { l.try_lock_shared() } -> std::same_as<bool>;
};
template <class L>
concept has_try_lock_shared_for = requires(L& l) {
    { l.try_lock_shared_for(std::chrono::milliseconds(1)) } -> std::same_as<bool>;
};
template <class L>
concept has_try_lock_shared_until = requires(L& l, std::chrono::steady_clock::time_point when) {
    { l.try_lock_shared_until(when) } -> std::same_as<bool>;
};
template <class L>
concept has_unlock_shared = requires(L& l) {
    { l.unlock_shared() } -> std::same_as<void>;
};
template <class L>
concept has_owns_lock = requires(const L& l) {
    { l.owns_lock() } noexcept -> std::same_as<bool>;
};
template <class L>
concept has_key = requires(const L& l) {
    { l.key() } noexcept -> std::same_as<pglocks::lock_key>;
};
template <class L>
concept has_backend_pid = requires(const L& l) {
    { l.backend_pid() } noexcept -> std::same_as<int>;
};

} // namespace pglocks_test
