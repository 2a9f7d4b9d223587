// SPDX-License-Identifier: BSL-1.0
#pragma once

/// Forward declarations: for headers that only mention a lock.
namespace pglocks {

template <class... Policies>
class basic_advisory_lock;
template <class... Policies>
class advisory_lock_set;

class lock_error;
class lock_key;
class transaction;

} // namespace pglocks
