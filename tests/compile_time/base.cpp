// SPDX-License-Identifier: BSL-1.0
// What a program that uses SOCI's PostgreSQL backend includes anyway.
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
