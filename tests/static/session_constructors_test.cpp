// SPDX-License-Identifier: BSL-1.0
// What a lock can be built from, when a session or a pool stands first.
#include "constructor_attempts.hpp"

#include <gtest/gtest.h>

namespace {

using namespace pglocks_test;

TEST(lock_constructors, take_from_a_session_what_the_rules_say) { compare_options_from<resource::session>(); }

TEST(lock_constructors, take_from_a_pool_what_the_rules_say) { compare_options_from<pool>(); }

} // namespace
