// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/lock.hpp>

/// The locks that people use most. Add policies of your own choice with `basic_advisory_lock<...>`.
namespace pglocks {

/// Exclusive, session scope, waits for as long as it takes.
using advisory_lock = basic_advisory_lock<>;
/// Exclusive, session scope, one try.
using try_advisory_lock = basic_advisory_lock<wait::none>;
/// Exclusive, session scope, waits up to a bound.
using timed_advisory_lock = basic_advisory_lock<wait::timeout>;
/// Exclusive, session scope, tries again after jittered pauses.
using polled_advisory_lock = basic_advisory_lock<wait::poll<>>;

/// Shared, session scope, waits for as long as it takes.
using shared_advisory_lock = basic_advisory_lock<mode::shared>;
/// Shared, session scope, one try.
using try_shared_advisory_lock = basic_advisory_lock<mode::shared, wait::none>;
/// Shared, session scope, waits up to a bound.
using timed_shared_advisory_lock = basic_advisory_lock<mode::shared, wait::timeout>;
/// Shared, session scope, tries again after jittered pauses.
using polled_shared_advisory_lock = basic_advisory_lock<mode::shared, wait::poll<>>;

/// Exclusive, until the transaction ends, waits for as long as it takes.
using transaction_advisory_lock = basic_advisory_lock<scope::transaction>;
/// Exclusive, until the transaction ends, one try.
using try_transaction_advisory_lock = basic_advisory_lock<scope::transaction, wait::none>;
/// Exclusive, until the transaction ends, waits up to a bound.
using timed_transaction_advisory_lock = basic_advisory_lock<scope::transaction, wait::timeout>;
/// Shared, until the transaction ends, waits for as long as it takes.
using shared_transaction_advisory_lock = basic_advisory_lock<scope::transaction, mode::shared>;

} // namespace pglocks
