// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: more than one hash policy: keep one of hash::postgres<>, hash::postgres_hashtext,
// hash::fnv1a, hash::sha256, hash::siphash, hash::none, hash::in_namespace<Id, H>, interop::...
// NOTE: at_most_one
// MEANING: A name has one key, so a lock has one way to compute it. The keys of another ecosystem, such as
// `interop::django_pglocks`, are a hash, too.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) { const pglocks::basic_advisory_lock<pglocks::hash::fnv1a> lock(sql, 17); }

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    pglocks::basic_advisory_lock<pglocks::hash::fnv1a, pglocks::hash::sha256> lock(sql, 17);
    lock.lock();
    lock.unlock();
}
#endif
