// SPDX-License-Identifier: BSL-1.0
// What a lock of each combination can be built from, and what none can.
#include "constructor_attempts.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace {

using namespace pglocks_test;

TEST(lock_constructors, exist_as_the_rules_say_for_every_combination_of_the_catalogue) {
    pglocks::catalogue::for_each_combination(
        []<class S, class M, class W, class H, class... Other>(
            std::type_identity<S>, std::type_identity<M>, std::type_identity<W>, std::type_identity<H>,
            std::type_identity<Other>...) { // policies of other axes change nothing here
            if constexpr (pglocks_test::is_representative<H>) {
                using lock = pglocks::basic_advisory_lock<S, M, W, H, Other...>;
                const row& r = pglocks_test::row_of<S, M, W, H>;
                compare(r, tried_shortly<lock, resource::session>, spelled<S, M, W, H>());
                compare(r, tried_shortly<lock, session_and_transaction>, spelled<S, M, W, H>());
            }
        });
}

TEST(lock_constructors, refuse_what_starts_with_something_else) {
    using namespace pglocks;
    catalogue::for_each_policy<axis::scope>([]<class S>(std::type_identity<S>) {
        catalogue::for_each_policy<axis::wait>([]<class W>(std::type_identity<W>) {
            compare(pglocks_test::row_of<S, mode::exclusive, W, hash::sha256>,
                    tried_alone<basic_advisory_lock<S, W, hash::sha256>>,
                    spelled<S, mode::exclusive, W, hash::sha256>());
        });
    });
}

} // namespace
