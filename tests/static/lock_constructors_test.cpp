// SPDX-License-Identifier: BSL-1.0
// What a lock of each combination can be built from, and what none can.
#include "constructor_attempts.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <type_traits>

namespace {

using namespace pglocks_test;

/// A name that is also a range, if it is not const.
struct text {
    char* begin();
    char* end();
    operator std::string_view() const; // NOLINT(google-explicit-constructor,hicpp-explicit-conversions)
};
static_assert(std::is_constructible_v<pglocks::advisory_lock, soci::session&, const text&>);

/// What a policy's own namespace has does not interfere.
namespace users {
template <class Axis, class T>
int policy_on(T);
struct own_hash : pglocks::hash::fnv1a {};
} // namespace users
static_assert(pglocks::valid_policy_set<users::own_hash> &&
              std::is_constructible_v<pglocks::basic_advisory_lock<users::own_hash>, soci::session&, int>);

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
