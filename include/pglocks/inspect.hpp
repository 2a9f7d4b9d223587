// SPDX-License-Identifier: BSL-1.0
#pragma once

/// Who holds and who waits for advisory locks, what to call them, and how to end them. Not part of
/// pglocks.hpp: for programs that look at locks, not for those that only take them.

#include <pglocks/inspect/add_holders.hpp>
#include <pglocks/inspect/backend_signal.hpp>
#include <pglocks/inspect/describe.hpp>
#include <pglocks/inspect/lock_info.hpp>
#include <pglocks/inspect/locks_of.hpp>
#include <pglocks/inspect/name_registry.hpp>
#include <pglocks/inspect/not_acquired.hpp>
#include <pglocks/inspect/not_permitted.hpp>
