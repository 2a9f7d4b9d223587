// SPDX-License-Identifier: BSL-1.0
// The same with the library, of which nothing is used.
#include <pglocks/pglocks.hpp>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
