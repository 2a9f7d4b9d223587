// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: wait::poll<Backoff> lacks its backoff: give Backoff `std::chrono::nanoseconds
// operator()(unsigned tries) const`, as jittered_exponential has
// NOTE: backoff
// MEANING: `wait::poll` calls its backoff with the number of tries so far, and sleeps for the duration that
// it answers. What stands between the angle brackets is called, so a duration such as
// `std::chrono::seconds` will not do: `fixed_pause` and `jittered_exponential` are there, and a class of
// your own with this operator.

#include <pglocks/pglocks.hpp>

#include <chrono>

using control = pglocks::basic_advisory_lock<pglocks::wait::poll<pglocks::fixed_pause>>;
static_assert(sizeof(control) > 0);

#ifdef PGLOCKS_MUST_FAIL
using wrong = pglocks::basic_advisory_lock<pglocks::wait::poll<std::chrono::seconds>>;
static_assert(sizeof(wrong) > 0);
#endif
