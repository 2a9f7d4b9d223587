// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: a hash policy lacks its operation: give it `constexpr std::int64_t
// key_of(std::string_view) const noexcept` (or a lock_key as result)
// NOTE: hash_policy

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <cstdint>
#include <string_view>

namespace vendor {
struct good {};
struct bad {};
} // namespace vendor
template <>
struct pglocks::policy_traits<vendor::good> {
    using axis = pglocks::axis::hash;
    static std::int64_t key_of(const vendor::good&, std::string_view) noexcept { return 1; }
};
template <>
struct pglocks::policy_traits<vendor::bad> {
    using axis = pglocks::axis::hash;
    static std::int64_t key_of(const vendor::bad&, std::string_view) { return 1; }
};

void control(soci::session& sql) { const pglocks::basic_advisory_lock<vendor::good> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<vendor::bad> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
