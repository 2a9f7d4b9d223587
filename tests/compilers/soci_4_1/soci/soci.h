// SPDX-License-Identifier: BSL-1.0
// Declarations of SOCI 4.1 as far as pglocks uses them, where they differ from 4.0 with that difference. Only
// Debian's SOCI 4.0 can be installed for the tests; this finds what would not compile with the other.
#pragma once

#include <soci/connection-pool.h>
#include <soci/error.h>
#include <soci/session.h>
#include <soci/transaction.h>
