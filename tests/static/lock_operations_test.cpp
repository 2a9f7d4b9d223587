// SPDX-License-Identifier: BSL-1.0
// Which operations a lock has, for every combination of built-in policies, compared with the rules written by
// hand.
#include <pglocks/pglocks.hpp>
#include <pglocks/policy/catalogue.hpp>

#include "expected_rules.hpp"
#include "lock_operations.hpp"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace pglocks_test;

struct operation {
    std::string_view name;
    bool exists;
};

template <class L>
concept has_session = requires(const L& l) {
    { l.session() } noexcept -> std::same_as<soci::session*>;
};

/// What the library offers.
template <class L>
constexpr auto found = std::to_array<operation>({
    {"lock()", has_lock<L>},
    {"lock(stop_token)", has_stoppable_lock<L>},
    {"try_lock()", has_try_lock<L>},
    {"try_lock_for()", has_try_lock_for<L>},
    {"try_lock_for(stop_token)", has_stoppable_try_lock_for<L>},
    {"try_lock_until()", has_try_lock_until<L>},
    {"try_lock_until(stop_token)", has_stoppable_try_lock_until<L>},
    {"unlock()", has_unlock<L>},
    {"release()", has_release<L>},
    {"lost()", has_lost<L>},
    {"pending()", has_pending<L>},
    {"swap()", has_swap<L>},
    {"swap(a, b)", has_free_swap<L>},
    {"lock_shared()", has_lock_shared<L>},
    {"try_lock_shared()", has_try_lock_shared<L>},
    {"try_lock_shared_for()", has_try_lock_shared_for<L>},
    {"try_lock_shared_until()", has_try_lock_shared_until<L>},
    {"unlock_shared()", has_unlock_shared<L>},
    {"owns_lock()", has_owns_lock<L>},
    {"key()", has_key<L>},
    {"session()", has_session<L>},
    {"backend_pid()", has_backend_pid<L>},
    {"operator bool", std::is_constructible_v<bool, const L&> && !std::is_convertible_v<const L&, bool>},
    {"default construction", std::is_nothrow_default_constructible_v<L>},
    {"move construction", std::is_nothrow_move_constructible_v<L>},
    {"move assignment", std::is_nothrow_move_assignable_v<L>},
    {"copy construction", std::is_copy_constructible_v<L>},
    {"copy assignment", std::is_copy_assignable_v<L>},
    {"destruction", std::is_nothrow_destructible_v<L>},
});

/// What the rules say, in the same order.
constexpr std::array<bool, found<pglocks::advisory_lock>.size()> expected(const row& r) {
    return {
        r.lock,                           // lock()
        r.lock,                           // lock(stop_token)
        true,                             // try_lock()
        r.try_lock_for,                   // try_lock_for()
        r.try_lock_for,                   // try_lock_for(stop_token)
        r.try_lock_for,                   // try_lock_until()
        r.try_lock_for,                   // try_lock_until(stop_token)
        r.from_session,                   // unlock()
        r.from_session,                   // release()
        r.from_session,                   // lost()
        r.from_session,                   // pending()
        r.from_session,                   // swap()
        r.from_session,                   // swap(a, b)
        r.shared_names && r.lock,         // lock_shared()
        r.shared_names,                   // try_lock_shared()
        r.shared_names && r.try_lock_for, // try_lock_shared_for()
        r.shared_names && r.try_lock_for, // try_lock_shared_until()
        r.shared_names && r.from_session, // unlock_shared()
        true,                             // owns_lock()
        true,                             // operator bool
        true,                             // key()
        true,                             // session()
        true,                             // backend_pid()
        r.from_session,                   // default construction
        r.from_session,                   // move construction
        r.from_session,                   // move assignment
        false,                            // copy construction
        false,                            // copy assignment
        true,                             // destruction
    };
}

void compare(const row& r, const auto& operations, const char* combination) {
    const auto wanted = expected(r);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_EQ(operations[i].exists, wanted[i]) << operations[i].name << " of " << combination;
    }
}

TEST(lock_operations, exist_as_the_rules_say_for_every_combination_of_the_catalogue) {
    pglocks::catalogue::for_each_combination(
        []<class S, class M, class W, class H, class... Other>(
            std::type_identity<S>, std::type_identity<M>, std::type_identity<W>, std::type_identity<H>,
            std::type_identity<Other>...) { // policies of other axes change nothing here
            if constexpr (pglocks_test::is_representative<H>) {
                using lock = pglocks::basic_advisory_lock<S, M, W, H, Other...>;
                compare(pglocks_test::row_of<S, M, W, H>, found<lock>, spelled<S, M, W, H>());
            }
        });
}

} // namespace
