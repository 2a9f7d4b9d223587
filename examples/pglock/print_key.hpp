// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

namespace pglock {

/// --print-key: the key of a name, alone on its line; with -v its columns in `pg_locks`, too; of every hash
/// with --hash all.
void print_key(const options& given);

} // namespace pglock
