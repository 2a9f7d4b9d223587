// SPDX-License-Identifier: BSL-1.0
// What a header includes that only mentions locks.
#include <pglocks/fwd.hpp>
