// SPDX-License-Identifier: BSL-1.0

#include <pglocks/interop/interop.hpp>
#include <pglocks/key_of.hpp>

#include "interop_vectors.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>

namespace {

namespace interop = pglocks::interop;
using pglocks::key_of;
using pglocks::key_space;
using pglocks::lock_key;
using pglocks::detail::accepted;

template <class... Policy, class F>
void for_each(pglocks::type_list<Policy...>, const F& f) {
    (f(std::type_identity<Policy>{}), ...);
}

TEST(interop, gives_the_keys_that_the_other_ecosystems_give) {
    for_each(golden::policies_with_keys(), []<class Policy>(std::type_identity<Policy>) {
        for (const auto& [name, key] : golden::keys_by<Policy>) {
            ASSERT_TRUE(accepted(Policy{}, name)) << typeid(Policy).name() << ' ' << name;
            EXPECT_EQ(key_of<Policy>(name), key) << typeid(Policy).name() << ' ' << name;
        }
    });
}

TEST(interop, gives_keys_at_compile_time) {
    for_each(golden::policies_with_keys(), []<class Policy>(std::type_identity<Policy>) {
        constexpr auto& keys = golden::keys_by<Policy>;
        static_assert(key_of<Policy>(keys.front().name) == keys.front().key);
        static_assert(key_of<Policy>(keys.back().name) == keys.back().key);
    });
}

TEST(interop, has_vectors_and_a_summary_for_each_policy_that_is_listed) {
    for_each(interop::all(), []<class Policy>(std::type_identity<Policy>) {
        static_assert(pglocks::rule::hash_takes_names<Policy> && pglocks::stateless<Policy>);
        static_assert(!golden::keys_by<Policy>.empty(), "a policy without vectors in interop_vectors.json");
        EXPECT_FALSE(Policy::summary.empty());
    });
}

constexpr std::string_view latin_1("caf\xe9");
constexpr std::string_view with_nul("job\0", 4);

TEST(interop, refuses_bytes_that_are_no_name_where_names_are_unicode) {
    const auto check = []<class Policy>(std::type_identity<Policy>) {
        static_assert(accepted(Policy{}, "caf\xc3\xa9") && accepted(Policy{}, "") &&
                      accepted(Policy{}, "\xf0\x9f\x94\x92") && accepted(Policy{}, with_nul));
        static_assert(!accepted(Policy{}, latin_1) && !accepted(Policy{}, "\xed\xa0\x80"));
        EXPECT_THROW(static_cast<void>(key_of<Policy>(latin_1)), pglocks::refused);
    };
    for_each(
        pglocks::type_list<interop::django_pglocks, interop::django_pglocks2, interop::django_pglock,
                           interop::pals<>, interop::pals<"billing">, interop::postgresql_lock, interop::sqlx,
                           interop::sqlx_migration, interop::advisory_lock_js, interop::distributed_lock,
                           interop::flyway, interop::liquibase_sessionlock<>>(),
        check);
}

TEST(interop, takes_every_byte_where_names_are_bytes) {
    const auto check = []<class Policy>(std::type_identity<Policy>) {
        static_assert(accepted(Policy{}, latin_1) && accepted(Policy{}, with_nul));
    };
    for_each(
        pglocks::type_list<interop::with_advisory_lock<>, interop::rails_migration, interop::heroku_pg_lock,
                           interop::symfony, interop::golang_migrate<>, interop::river<>>(),
        check);
    // Ruby: Zlib.crc32("caf\xE9") & 0x7fffffff
    EXPECT_EQ(key_of<interop::with_advisory_lock<>>(latin_1), lock_key(733196315, 0));
}

TEST(interop_good_job, refuses_a_nul_byte_as_the_servers_text_does) {
    static_assert(accepted(interop::good_job{}, latin_1) && !accepted(interop::good_job{}, with_nul));
}

TEST(interop_with_advisory_lock, hashes_a_string_of_digits_but_takes_a_number_as_it_is) {
    using policy = interop::with_advisory_lock<>;
    static_assert(policy::key_of_number(42) == lock_key(42, 0));
    static_assert(key_of<policy>("42") != policy::key_of_number(42));
    static_assert(policy::key_of_number(-1) == lock_key(0x7fff'ffff, 0), "Ruby: -1 & 0x7fffffff");
    static_assert(policy::key_of_number(std::int64_t{1} << 31) == lock_key(0, 0));
    static_assert(policy::key_of_number(std::numeric_limits<std::int64_t>::min()) == lock_key(0, 0));
    static_assert(interop::with_advisory_lock<7>::key_of_number(42) == lock_key(42, 7));
}

TEST(interop_distributed_lock, packs_short_ascii_names_into_pairs_that_all_differ) {
    using policy = interop::distributed_lock;
    // Upstream's TestAscii: each character, repeated up to nine times.
    std::set<lock_key> keys{key_of<policy>("")};
    for (char character = 1; character != 127; ++character) {
        for (std::size_t length = 1; length <= 9; ++length) {
            const lock_key key = key_of<policy>(std::string(length, character));
            EXPECT_TRUE(key.is_pair());
            EXPECT_TRUE(keys.insert(key).second) << int{character} << " times " << length;
        }
        EXPECT_FALSE(key_of<policy>(std::string(10, character)).is_pair());
    }
    EXPECT_NE(key_of<policy>(""), key_of<policy>(std::string_view("\0", 1)));
}

TEST(interop_distributed_lock, reads_hexadecimal_digits_of_either_case_as_the_key_itself) {
    using policy = interop::distributed_lock;
    static_assert(key_of<policy>("0000000000000001") == lock_key(1));
    static_assert(key_of<policy>("fFfFfFfFfFfFfFfF") == lock_key(-1));
    static_assert(key_of<policy>("00000003,ffffffff") == lock_key(3, -1));
    static_assert(key_of<policy>("00000000,00000000") == lock_key(0, 0));
    static_assert(key_of<policy>("00000000000000001").space() == key_space::bigint);
    static_assert(key_of<policy>("00000000000000001") != lock_key(1), "seventeen digits are hashed");
}

TEST(interop_pals, tells_no_application_from_one_without_a_name) {
    static_assert(key_of<interop::pals<>>("job") != key_of<interop::pals<"">>("job"));
    static_assert(key_of<interop::pals<"">>("job") == key_of<interop::pals<>>(".job"));
    static_assert(key_of<interop::pals<"a">>("b.c") == key_of<interop::pals<"a.b">>("c"), "as there");
}

TEST(interop_golang_migrate, joins_what_the_driver_adds_before_the_database) {
    static_assert(key_of<interop::golang_migrate<"public", "schema_migrations">>("app") ==
                  key_of<interop::golang_migrate<>>(std::string_view("public\0schema_migrations\0app", 28)));
}

TEST(interop_river, keeps_the_prefix_above_the_hash) {
    static_assert(key_of<interop::river<123>>("hello").first() == 123);
    static_assert(key_of<interop::river<-1>>("hello").first() == -1);
    static_assert(key_of<interop::river<std::numeric_limits<std::int32_t>::min()>>("hello").first() ==
                  std::numeric_limits<std::int32_t>::min());
    static_assert(key_of<interop::river<123>>("hello").space() == key_space::bigint);
}

TEST(interop_liquibase_sessionlock, is_in_the_schema_public_unless_another_is_given) {
    static_assert(key_of<interop::liquibase_sessionlock<>>("T") ==
                  key_of<interop::liquibase_sessionlock<"public">>("T"));
    static_assert(key_of<interop::liquibase_sessionlock<>>("T") !=
                  key_of<interop::liquibase_sessionlock<"">>("T"));
}

TEST(interop, names_the_keys_that_migration_tools_lock) {
    static_assert(interop::goose == lock_key(4'097'083'626));
    static_assert(interop::tern == lock_key(9'628'173'550'095'224));
    static_assert(interop::prisma_migrate == lock_key(72'707'369));
    static_assert(interop::node_pg_migrate == lock_key(7'241'865'325'823'964));
}

} // namespace
