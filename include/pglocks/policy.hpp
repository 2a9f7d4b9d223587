// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/policy/axis.hpp>
#include <pglocks/policy/hash.hpp>
#include <pglocks/policy/mode.hpp>
#include <pglocks/policy/scope.hpp>
#include <pglocks/policy/wait.hpp>

/// All that the author of a policy includes: the axes, their concepts, and `policy_traits`.
namespace pglocks {

/// The axes of a lock. An axis is added by its file under policy/, its line here, and the place that asks for
/// it.
using axes = type_list<axis::scope, axis::mode, axis::wait, axis::hash>;

} // namespace pglocks
