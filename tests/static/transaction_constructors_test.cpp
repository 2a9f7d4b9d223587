// SPDX-License-Identifier: BSL-1.0
// What a lock can be built from, when a transaction, or a session and its transaction stand first.
#include "constructor_attempts.hpp"

#include <gtest/gtest.h>

namespace {

using namespace pglocks_test;

TEST(lock_constructors, take_from_a_transaction_what_the_rules_say) {
    compare_options_from<known_transaction>();
}

TEST(lock_constructors, take_from_a_session_and_its_transaction_what_the_rules_say) {
    compare_options_from<session_and_transaction>();
}

} // namespace
