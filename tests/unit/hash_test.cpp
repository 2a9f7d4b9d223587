// SPDX-License-Identifier: BSL-1.0

#include <pglocks/interop/interop.hpp>
#include <pglocks/key_of.hpp>
#include <pglocks/name.hpp>
#include <pglocks/policy/mode.hpp>

#include "golden_vectors.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

namespace hash = pglocks::hash;
namespace interop = pglocks::interop;
using pglocks::key_of;
using pglocks::key_space;
using pglocks::lock_key;
using pglocks::stateless;
using pglocks::detail::accepted;

/// 64-bit FNV-1a of the golden names, computed with a few lines of Python.
constexpr std::array<std::int64_t, 10> fnv1a_keys{
    -3750763034362895579, -5808556873153909620, -439409999022904539, -6615550055289275125,
    -2543842089295555209, 4654240065488037195,  1014557119937645388, -1900685284960037998,
    7788164824035369410,  -866459186506731248};
static_assert(fnv1a_keys.size() == golden::keys.size());

/// The key and the message of the example in the paper on SipHash, appendix A.
constexpr std::array<std::uint8_t, 16> paper_key{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr std::string_view paper_message("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 15);
constexpr auto paper_result = static_cast<std::int64_t>(0xa129'ca61'49be'45e5);

TEST(hash_postgres, gives_the_key_that_postgresql_computes_with_hashtextextended) {
    for (const auto& vector : golden::keys) {
        EXPECT_EQ(key_of<hash::postgres<>>(vector.name), lock_key(vector.hashtextextended_0)) << vector.name;
        EXPECT_EQ(key_of<hash::postgres<42>>(vector.name), lock_key(vector.hashtextextended_42))
            << vector.name;
        EXPECT_EQ(key_of<hash::postgres<-1>>(vector.name), lock_key(vector.hashtextextended_minus_1))
            << vector.name;
    }
}

TEST(hash_postgres, is_the_default_of_its_axis_and_of_key_of) {
    static_assert(
        std::is_same_v<pglocks::axis_traits<pglocks::axis::hash>::default_policy, hash::postgres<0>>);
    static_assert(key_of<>("hello") == key_of<hash::postgres<0>>("hello"));
}

TEST(hash_postgres, gives_another_key_under_another_seed) {
    constexpr std::array<lock_key, 5> keys{
        key_of<hash::postgres<0>>("job"), key_of<hash::postgres<1>>("job"),
        key_of<hash::postgres<std::int64_t{1} << 32>>("job"),
        key_of<hash::postgres<std::numeric_limits<std::int64_t>::min()>>("job"),
        key_of<hash::postgres<std::numeric_limits<std::int64_t>::max()>>("job")};
    for (std::size_t i = 0; i < keys.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_NE(keys[i], keys[j]) << i << " and " << j;
        }
    }
}

TEST(hash_postgres_hashtext, gives_the_key_that_postgresql_computes_with_hashtext) {
    for (const auto& vector : golden::keys) {
        EXPECT_EQ(key_of<hash::postgres_hashtext>(vector.name), lock_key(vector.hashtext)) << vector.name;
        EXPECT_EQ(key_of<hash::postgres_hashtext>(vector.name).space(), key_space::bigint);
    }
}

TEST(hash_fnv1a, gives_the_key_that_python_computes) {
    for (std::size_t i = 0; i < golden::keys.size(); ++i) {
        EXPECT_EQ(key_of<hash::fnv1a>(golden::keys[i].name), lock_key(fnv1a_keys[i])) << golden::keys[i].name;
    }
}

TEST(hash_sha256, gives_the_first_eight_bytes_of_the_digest_most_significant_first) {
    for (const auto& vector : golden::keys) {
        EXPECT_EQ(key_of<hash::sha256>(vector.name), lock_key(vector.django_pglocks_2)) << vector.name;
    }
    // FIPS 180-4's example: SHA-256("abc") = ba7816bf 8f01cfea ...
    static_assert(key_of<hash::sha256>("abc") == lock_key(static_cast<std::int64_t>(0xba78'16bf'8f01'cfea)));
}

TEST(hash_siphash, gives_the_result_of_the_papers_example) {
    static_assert(key_of(paper_message, hash::siphash(paper_key)) == lock_key(paper_result));
}

TEST(hash_siphash, gives_another_key_under_another_secret) {
    constexpr std::array<std::uint8_t, 16> other{1};
    EXPECT_NE(key_of("job", hash::siphash(paper_key)), key_of("job", hash::siphash(other)));
}

TEST(hash_siphash, has_state_that_has_no_default) {
    static_assert(!stateless<hash::siphash> && !std::is_default_constructible_v<hash::siphash>);
    static_assert(sizeof(hash::siphash) == 16);
}

TEST(hash_in_namespace, pairs_its_number_with_the_low_half_of_the_other_hash) {
    for (const auto& vector : golden::keys) {
        const lock_key low_half = vector.hashtextextended_0;
        EXPECT_EQ((key_of<hash::in_namespace<7>>(vector.name)), lock_key(7, low_half.second()))
            << vector.name;
        const lock_key digest = vector.django_pglocks_2;
        EXPECT_EQ((key_of<hash::in_namespace<-1, hash::sha256>>(vector.name)), lock_key(-1, digest.second()))
            << vector.name;
        EXPECT_EQ((key_of<hash::in_namespace<0, interop::django_pglocks>>(vector.name)),
                  lock_key(0, vector.django_pglocks_1))
            << vector.name;
    }
    static_assert(key_of<hash::in_namespace<std::numeric_limits<std::int32_t>::min()>>("job").first() ==
                  std::numeric_limits<std::int32_t>::min());
}

TEST(hash_in_namespace, inside_another_keeps_the_outer_number_and_the_inner_hash) {
    using nested = hash::in_namespace<1, hash::in_namespace<2, hash::fnv1a>>;
    static_assert(key_of<nested>("hello") == key_of<hash::in_namespace<1, hash::fnv1a>>("hello"));
    static_assert(key_of<nested>("hello") != key_of<hash::in_namespace<2, hash::fnv1a>>("hello"));
}

TEST(hash_in_namespace, carries_the_state_of_the_other_hash) {
    using keyed = hash::in_namespace<3, hash::siphash>;
    static_assert(!stateless<keyed> && !std::is_default_constructible_v<keyed> && sizeof(keyed) == 16);
    constexpr keyed policy{hash::siphash(paper_key)};
    static_assert(key_of(paper_message, policy) == lock_key(3, lock_key(paper_result).second()));
    using nested = hash::in_namespace<4, keyed>;
    static_assert(key_of(paper_message, nested{policy}) == lock_key(4, lock_key(paper_result).second()));
}

TEST(hash_in_namespace, of_a_stateless_hash_is_stateless) {
    static_assert(stateless<hash::in_namespace<1>> &&
                  stateless<hash::in_namespace<1, hash::in_namespace<2>>>);
}

template <class Hash>
concept can_be_in_a_namespace = pglocks::rule::hash_takes_names<hash::in_namespace<1, Hash>>;

TEST(hash_in_namespace, takes_hashes_of_names_alone) {
    static_assert(can_be_in_a_namespace<hash::sha256> && can_be_in_a_namespace<interop::django_pglocks2>);
    static_assert(!can_be_in_a_namespace<hash::none> && !can_be_in_a_namespace<int> &&
                  !can_be_in_a_namespace<pglocks::mode::shared>);
}

TEST(interop_django_pglocks, gives_the_key_of_version_1) {
    for (const auto& vector : golden::keys) {
        EXPECT_EQ(key_of<interop::django_pglocks>(vector.name), lock_key(vector.django_pglocks_1))
            << vector.name;
        EXPECT_EQ(key_of<interop::django_pglocks>(vector.name).space(), key_space::bigint);
    }
}

TEST(interop_django_pglocks2, gives_the_key_of_version_2) {
    for (const auto& vector : golden::keys) {
        EXPECT_EQ(key_of<interop::django_pglocks2>(vector.name), lock_key(vector.django_pglocks_2))
            << vector.name;
    }
}

TEST(hash_none, takes_no_names) {
    static_assert(pglocks::hash_policy<hash::none> && !pglocks::rule::hash_takes_names<hash::none>);
}

constexpr std::string_view with_nul("job\0", 4);

TEST(accepts, says_no_to_a_nul_byte_where_the_name_is_postgresqls_text) {
    static_assert(accepted(hash::postgres<>{}, "job") && !accepted(hash::postgres<>{}, with_nul));
    static_assert(accepted(hash::postgres<9>{}, "") && !accepted(hash::postgres<9>{}, with_nul));
    static_assert(accepted(hash::postgres_hashtext{}, "job") &&
                  !accepted(hash::postgres_hashtext{}, with_nul));
    static_assert(!hash::postgres<>::accepts(std::string_view("\0job", 4)) &&
                  !hash::postgres<>::accepts(std::string_view("\0", 1)));
}

TEST(accepts, says_yes_to_every_byte_where_the_hash_maps_bytes) {
    static_assert(accepted(hash::fnv1a{}, with_nul) && accepted(hash::sha256{}, with_nul));
    static_assert(accepted(hash::siphash(paper_key), with_nul));
    static_assert(accepted(interop::django_pglocks{}, with_nul) &&
                  accepted(interop::django_pglocks2{}, with_nul));
}

TEST(accepts, is_passed_on_by_in_namespace) {
    using outer = hash::in_namespace<1, hash::in_namespace<2>>;
    static_assert(hash::in_namespace<1>{}.accepts("job") && !hash::in_namespace<1>{}.accepts(with_nul));
    static_assert(accepted(outer{}, "job") && !accepted(outer{}, with_nul));
    static_assert(accepted(hash::in_namespace<1, hash::sha256>{}, with_nul));
}

TEST(key_of, refuses_a_name_that_the_hash_does_not_accept) {
    try {
        static_cast<void>(key_of<hash::postgres<>>(with_nul));
        FAIL() << "a name with a NUL byte has a key";
    } catch (const pglocks::refused& error) {
        EXPECT_EQ(error.name(), std::string(with_nul));
        EXPECT_EQ(error.key(), std::nullopt);
        EXPECT_FALSE(error.advice().empty());
    }
    EXPECT_THROW(static_cast<void>(key_of<hash::in_namespace<1>>(with_nul)), pglocks::refused);
    EXPECT_NO_THROW(static_cast<void>(key_of<hash::sha256>(with_nul)));
}

template <class Hash, pglocks::fixed_string Name>
concept has_key_at_compile_time =
    requires { typename std::bool_constant<(key_of<Hash>(Name.view()), true)>; };

TEST(key_of, is_a_constant_expression_unless_the_name_is_refused) {
    static_assert(has_key_at_compile_time<hash::postgres<>, "job">);
    static_assert(!has_key_at_compile_time<hash::postgres<>, "job\0">);
    static_assert(!has_key_at_compile_time<hash::postgres_hashtext, "a\0b">);
    static_assert(has_key_at_compile_time<hash::sha256, "a\0b">);
}

template <class Hash>
concept has_key_without_a_value = requires { key_of<Hash>("job"); };

TEST(key_of, needs_the_value_of_a_hash_with_state) {
    static_assert(has_key_without_a_value<hash::fnv1a> && !has_key_without_a_value<hash::siphash> &&
                  !has_key_without_a_value<hash::none>);
}

TEST(key_of, depends_on_the_bytes_alone_and_not_on_where_they_stand) {
    for (std::size_t offset = 0; offset < 3; ++offset) {
        const std::string padded = std::string(offset, 'y') + "hello";
        const std::string_view name = std::string_view(padded).substr(offset);
        EXPECT_EQ(key_of<hash::postgres<>>(name), lock_key(3449563369152288809));
        EXPECT_EQ(key_of<hash::sha256>(name), lock_key(3238736544897475342));
    }
}

/// A policy of the user's own whose facts stand in the traits.
struct foreign_hash {
    std::int32_t salt = 0;
};

} // namespace

template <>
struct pglocks::policy_traits<foreign_hash> {
    using axis = pglocks::axis::hash;
    static constexpr std::int32_t key_of(const foreign_hash& h, std::string_view name) noexcept {
        return h.salt + static_cast<std::int32_t>(name.size());
    }
    static constexpr bool accepts(const foreign_hash&, std::string_view name) noexcept {
        return !name.empty();
    }
};

namespace {

TEST(key_of, takes_a_hash_that_policy_traits_describes) {
    static_assert(key_of("four", foreign_hash{.salt = 10}) == lock_key(14));
    static_assert(key_of("four", hash::in_namespace<2, foreign_hash>{foreign_hash{.salt = 10}}) ==
                  lock_key(2, 14));
    EXPECT_THROW(static_cast<void>(key_of("", foreign_hash{})), pglocks::refused);
}

} // namespace
