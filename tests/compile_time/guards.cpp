// SPDX-License-Identifier: BSL-1.0
// As many types of guards as LOCK_TYPES says: by turns one that blocks, a shared one with a bound, one that
// does not wait, and one of a transaction.
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace {

template <std::int64_t Number>
void guard(soci::session& sql) {
    using hash = pglocks::hash::postgres<Number>;
    if constexpr (Number % 4 == 0) {
        const pglocks::basic_advisory_lock<hash> lock(sql, "name");
    } else if constexpr (Number % 4 == 1) {
        using shared = pglocks::basic_advisory_lock<hash, pglocks::wait::timeout, pglocks::mode::shared>;
        const shared lock(sql, "name", std::chrono::seconds(1));
    } else if constexpr (Number % 4 == 2) {
        const pglocks::basic_advisory_lock<hash, pglocks::wait::none> lock(sql, "name");
    } else {
        pglocks::transaction within(sql);
        const pglocks::basic_advisory_lock<hash, pglocks::scope::transaction> lock(within, "name");
    }
}

template <std::int64_t... Number>
void guards(soci::session& sql, std::integer_sequence<std::int64_t, Number...>) {
    (guard<Number>(sql), ...);
}

} // namespace

void take_guards(soci::session& sql);
void take_guards(soci::session& sql) { guards(sql, std::make_integer_sequence<std::int64_t, LOCK_TYPES>()); }
