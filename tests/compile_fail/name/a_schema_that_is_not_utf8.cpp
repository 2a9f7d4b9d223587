// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the schema's name is not UTF-8
// MEANING: The name becomes a `String` of Java, which is made of characters. Source files in another
// encoding than UTF-8, or bytes written by number, make other ones.

#include <pglocks/interop/java.hpp>
#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::interop::liquibase_sessionlock<"caf\xc3\xa9">> lock(sql, "x");
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::interop::liquibase_sessionlock<"caf\xe9">> lock(sql, "x");
}
#endif
