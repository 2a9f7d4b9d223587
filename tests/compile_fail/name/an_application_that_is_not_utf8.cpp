// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: the application's name is not UTF-8
// MEANING: The name becomes a `str` of Python, which is made of characters. Source files in another
// encoding than UTF-8, or bytes written by number, make other ones.

#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

void control(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::interop::pals<"caf\xc3\xa9">> lock(sql, "x");
}

#ifdef PGLOCKS_MUST_FAIL
void wrong(soci::session& sql) {
    const pglocks::basic_advisory_lock<pglocks::interop::pals<"caf\xe9">> lock(sql, "x");
}
#endif
