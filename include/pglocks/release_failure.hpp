// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/detail/export.hpp>
#include <pglocks/error.hpp>

#include <atomic>
#include <cstdio>
#include <exception>
#include <string_view>

namespace pglocks {

/// Called with what went wrong in a release that has nobody to throw to: from a destructor, inside the user's
/// own COMMIT (within libpq), or because of the environment. Must neither throw nor use a session or a lock;
/// may be called from any thread that uses a lock.
using release_failure_handler = void (*)(const lock_error&) noexcept;

/// The handler until another is set: one line on stderr.
PGLOCKS_EXPORT inline void print_release_failure(const lock_error& error) noexcept {
    std::fprintf(stderr, "%s\n", error.what()); // stdio: no exception, no lock of ours, one write
}

namespace detail {

/// One handler for the whole program, shared libraries included.
PGLOCKS_EXPORT inline std::atomic<release_failure_handler>& current_release_failure_handler() noexcept {
    static std::atomic<release_failure_handler> handler{&print_release_failure};
    return handler;
}

inline void report_release_failure(const lock_error& error) noexcept {
    current_release_failure_handler().load(std::memory_order_acquire)(error);
}

/// What a release is told that the server answers with false.
[[nodiscard]] inline not_held lock_was_not_held(lock_key key, std::string_view name) {
    return not_held(
        {.what = "the lock was not held when it was released: somebody released it behind our back "
                 "(pg_advisory_unlock_all, a pooler, other code on this session)",
         .advice = "others may have been in the protected part at the same time: check its results",
         .key = key},
        name);
}

inline void report_not_held(lock_key key, std::string_view name) noexcept {
    try {
        report_release_failure(lock_was_not_held(key, name));
    } catch (const std::exception&) { // out of memory: there is nothing left to report with
    }
}

} // namespace detail

/// Sets the handler and returns the one before; `nullptr` restores the default. Safe from any thread.
inline release_failure_handler set_release_failure_handler(release_failure_handler handler) noexcept {
    return detail::current_release_failure_handler().exchange(handler ? handler : &print_release_failure,
                                                              std::memory_order_acq_rel);
}

} // namespace pglocks
