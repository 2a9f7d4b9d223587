// SPDX-License-Identifier: BSL-1.0
// ERROR: deleted
// SENTENCE: pglocks: a set of locks is taken on a range of names, of signed integers of at most 64 bits or of
// pglocks::lock_key (for a pair, lock_key(a, b)), or on a list of them in braces: for one lock, use
// basic_advisory_lock
// NOTE: constructor_rule::needs_names_or_keys
// MEANING: A set is taken on as many names or keys as the range has, one of them included: put a single one
// in braces. The elements are what a lock takes, so pairs are `lock_key(a, b)`; a range of `bool`, or of
// `std::pair`, is none. A name alone might be read as the range of its characters.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <vector>

void control(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, {names.front()});
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql, const std::vector<std::string>& names) {
    const pglocks::advisory_lock_set<> locks(sql, names.front());
}
#endif
