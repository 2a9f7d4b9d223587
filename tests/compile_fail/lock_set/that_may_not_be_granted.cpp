// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the locks may not have been granted: look at owns_lock()
// MEANING: With a bound, a stop token, `try_to_lock` or a policy that does not wait the constructor may
// come back without the locks. An object without a name cannot be asked.

#include <pglocks/pglocks.hpp>

#include <string>
#include <vector>

bool control(pglocks::transaction& tx, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<pglocks::scope::transaction, pglocks::wait::none> locks(tx, names);
    return locks.owns_lock();
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(pglocks::transaction& tx, const std::vector<std::string>& names) {
    pglocks::advisory_lock_set<pglocks::scope::transaction, pglocks::wait::none>(tx, names);
}
#endif
