// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a hash policy lacks its operation: give it `constexpr std::int64_t
// key_of(std::string_view) const noexcept` (or a lock_key as result)
// NOTE: hash_policy
// MEANING: A class on the hash axis maps a name to a key: that is its member `key_of`. It is called on a
// `const` object, must not throw (`noexcept`), and answers a `std::int64_t` or a `lock_key`: PostgreSQL has
// no unsigned integers. What it cannot map it says beforehand, in `accepts`, which is `noexcept`, too.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <cstdint>
#include <string_view>

namespace app {
struct good {
    using axis = pglocks::axis::hash;
    static std::int64_t key_of(std::string_view) noexcept { return 1; }
};
struct bad {
    using axis = pglocks::axis::hash;
    static std::int64_t hash(std::string_view) noexcept { return 1; }
};
} // namespace app

void control(soci::session& sql) { const pglocks::basic_advisory_lock<app::good> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<app::bad> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
