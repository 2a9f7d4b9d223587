// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integration/lock_test.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace pglocks::test {

using try_set = advisory_lock_set<wait::none>;
using timed_set = advisory_lock_set<wait::timeout>;
using polled_set = advisory_lock_set<wait::poll<>>;
using shared_set = advisory_lock_set<mode::shared>;
using transaction_set = advisory_lock_set<scope::transaction>;
using try_transaction_set = advisory_lock_set<scope::transaction, wait::none>;
using timed_transaction_set = advisory_lock_set<scope::transaction, wait::timeout>;

using key_list = std::vector<lock_key>;

/// What two sessions hold of many keys.
class lock_set_test : public lock_test {
protected:
    void SetUp() override {
        lock_test::SetUp();
        const try_advisory_lock asks_what_server_it_is(a_, 0);
        const try_advisory_lock asks_too(b_, 0);
    }

    /// The keys that a backend holds, or that it waits for, in order.
    [[nodiscard]] key_list keys_of(int backend, bool granted = true) {
        key_list keys;
        for (const auto& row : look_.advisory_locks()) {
            if (row.pid == backend && row.granted == granted) {
                keys.push_back(*lock_key::from_pg_locks(row.classid, row.objid,
                                                        static_cast<std::uint16_t>(row.objsubid)));
            }
        }
        std::sort(keys.begin(), keys.end());
        return keys;
    }
    [[nodiscard]] key_list held(soci::session& session) { return keys_of(pid(session)); }

    /// Whether this session could take this key now.
    [[nodiscard]] static bool is_free(soci::session& session, lock_key key) {
        return try_advisory_lock(session, key).owns_lock();
    }

    static inline const key_list mixed{{-1, 5}, 3, {1, 2}, -7, 3, {1, -2}, {-1, 5}};
    static inline const key_list in_order{-7, 3, {-1, 5}, {1, 2}, {1, -2}};
};

} // namespace pglocks::test
