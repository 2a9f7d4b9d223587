// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: transaction-scope locks are built from their transaction: pass a pglocks::transaction,
// or a soci::session and its soci::transaction
// NOTE: constructor_rule::needs_a_transaction

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <string>
#include <vector>

void control(pglocks::transaction& tx, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::scope::transaction> locks(tx, names);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::advisory_lock_set<pglocks::scope::transaction> locks(sql, {"a", "b"});
}
#endif
