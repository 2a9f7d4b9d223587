// SPDX-License-Identifier: BSL-1.0
#pragma once

/// Policy-based PostgreSQL advisory locks over SOCI: everything a program that takes locks includes. One that
/// is to be told of their loss also includes pglocks/loss_watcher.hpp.

#if __cplusplus < 202002L
#error "pglocks: this is C++20: compile with -std=c++20, or a later standard"
#else

#include <pglocks/aliases.hpp>
#include <pglocks/error.hpp>
#include <pglocks/interop/python.hpp>
#include <pglocks/key.hpp>
#include <pglocks/key_of.hpp>
#include <pglocks/lock.hpp>
#include <pglocks/lock_set.hpp>
#include <pglocks/name.hpp>
#include <pglocks/name_set.hpp>
#include <pglocks/policy.hpp>
#include <pglocks/postgres/session_pooler.hpp>
#include <pglocks/postgres/session_preset.hpp>
#include <pglocks/release_failure.hpp>
#include <pglocks/transaction.hpp>

#endif
