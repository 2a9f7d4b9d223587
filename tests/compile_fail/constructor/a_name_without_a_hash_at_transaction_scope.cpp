// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: hash::none takes no names: pass a key, or choose hash::postgres<> or another hash
// NOTE: constructor_rule::hash_takes_names

#include <pglocks/pglocks.hpp>

void control(pglocks::transaction& tx) {
    const pglocks::basic_advisory_lock<pglocks::scope::transaction, pglocks::hash::none> lock(tx, 17);
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx) {
    const pglocks::basic_advisory_lock<pglocks::scope::transaction, pglocks::hash::none> lock(tx, "x");
}
#endif
