// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>
#include <pglocks/inspect/describe.hpp>
#include <pglocks/inspect/locks_of.hpp>

#include <soci/session.h>

#include <algorithm>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pglocks {

/// A lock was not to be had, or not in time, and who has it: what `require_acquired` throws.
class PGLOCKS_EXPORT not_acquired : public lock_error {
public:
    /// Makes the error of what is known, and of who is in the way.
    not_acquired(failure f, std::string_view name, std::vector<lock_info> locks)
        : lock_error(std::move(f), name),
          in_the_way_(std::make_shared<const std::vector<lock_info>>(std::move(locks))) {}

    /// Who held the locks and who waited for them, as `inspect` gives it, a moment after the attempt ended:
    /// they may have let go of them since.
    [[nodiscard]] const std::vector<lock_info>& in_the_way() const noexcept { return *in_the_way_; }

private:
    std::shared_ptr<const std::vector<lock_info>> in_the_way_; // copying an exception must not throw
};

namespace detail {

template <class Lock>
concept of_one_key = requires(const Lock& lock) {
    { lock.key() } -> std::convertible_to<lock_key>;
};

/// What can be asked whether it was acquired: a lock, or a set of locks.
template <class Lock>
concept attempted = requires(const Lock& lock) {
    { lock.owns_lock() } -> std::same_as<bool>;
} && (of_one_key<Lock> || requires(const Lock& lock) { lock.keys(); });

template <attempted Lock>
[[nodiscard]] std::vector<lock_info> in_the_way_of(soci::session& session, const Lock& lock) {
    if constexpr (of_one_key<Lock>) {
        return inspect(session, lock.key());
    } else {
        auto all = inspect(session);
        std::erase_if(all, [keys = lock.keys()](const lock_info& info) {
            return !std::binary_search(keys.begin(), keys.end(), info.key);
        });
        return all;
    }
}

} // namespace detail

/// Turns a lock that was not acquired into an error that names who has it; does nothing, and asks nothing, if
/// it was.
///
/// ```
/// const pglocks::timed_advisory_lock lock(sql, "import", 5s);
/// pglocks::require_acquired(sql, lock, "import"); // throws: lock "import" ... held by pid 4711 (user app,
/// ...)
/// ```
///
/// \param session whom to ask: the lock's own, or any other in the same database; the lock's own may have a
/// transaction that has failed, see `inspect`
/// \param lock a lock, or a set of locks, after an attempt to acquire it
/// \param name what the error calls the lock, which does not keep its name
///
/// *Throws*: `not_acquired`; as `inspect`, if the question fails. Cost: one round trip if not acquired.
template <detail::attempted Lock>
void require_acquired(soci::session& session, const Lock& lock, std::string_view name = {}) {
    if (lock.owns_lock()) {
        return;
    }
    failure f{.what = "the lock was not acquired",
              .sqlstate = std::string(postgres::sqlstate::lock_not_available),
              .advice = "try again later, or look at what its holder does"};
    auto locks = detail::in_the_way_of(session, lock);
    if constexpr (detail::of_one_key<Lock>) {
        f.key = lock.key();
    } else if (lock.keys().size() > 0) {
        f.key = lock.keys().front();
        f.locks = lock.keys().size();
    }
    f.detail = locks.empty() ? "nobody holds it any more" : describe(locks);
    throw not_acquired(std::move(f), name, std::move(locks));
}

} // namespace pglocks
