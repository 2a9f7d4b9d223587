// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: session-scope locks take no transaction: leave it out, or add scope::transaction
// NOTE: constructor_rule::takes_no_transaction
// MEANING: Session-scope locks outlive the transaction, so passing one would promise what does not hold.
// Pass the session alone, or choose `scope::transaction`.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, names);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    pglocks::transaction tx(sql);
    const pglocks::advisory_lock_set<> locks(tx, names);
}
#endif
