// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/crc32.hpp>

#include "golden_vectors.hpp"
#include "random_bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <zlib.h>

namespace {

using pglocks::digest::crc32;

std::uint32_t crc32_of_zlib(std::string_view bytes) {
    return static_cast<std::uint32_t>(::crc32(::crc32(0, nullptr, 0),
                                              reinterpret_cast<const Bytef*>(bytes.data()),
                                              static_cast<uInt>(bytes.size())));
}

constexpr bool gives_the_key_of_django_pglocks_1(const golden::keys_of_name& row) {
    return std::bit_cast<std::int32_t>(crc32(row.name)) == row.django_pglocks_1;
}

static_assert(noexcept(crc32("")));
static_assert(crc32("123456789") == 0xcbf4'3926);
static_assert(crc32("") == 0 && crc32({}) == 0);
static_assert(crc32(std::string_view("\0\0\0\0", 4)) == 0x2144'df1c);
static_assert(crc32("\xff\xff\xff\xff") == 0xffff'ffff);
static_assert(std::all_of(golden::keys.begin(), golden::keys.end(), gives_the_key_of_django_pglocks_1));

TEST(crc32, equals_the_check_value_of_the_catalogue) { EXPECT_EQ(crc32("123456789"), 0xcbf4'3926); }

TEST(crc32, is_zero_of_no_bytes) {
    EXPECT_EQ(crc32(""), 0U);
    EXPECT_EQ(crc32(std::string_view()), 0U);
}

TEST(crc32, takes_bytes_of_zeros_and_of_ones) {
    EXPECT_EQ(crc32(std::string_view("\0\0\0\0", 4)), 0x2144'df1cU);
    EXPECT_EQ(crc32("\xff\xff\xff\xff"), 0xffff'ffffU);
}

TEST(crc32, gives_the_keys_of_django_pglocks_1) {
    for (const auto& row : golden::keys) {
        EXPECT_EQ(std::bit_cast<std::int32_t>(crc32(row.name)), row.django_pglocks_1) << row.name;
    }
}

TEST(crc32, hashes_a_name_of_1000_bytes_at_compile_time) {
    static_assert(crc32(golden::sample(1000)) == 0xe07e'e609);
    EXPECT_EQ(crc32(golden::sample(1000)), 0xe07e'e609U);
}

TEST(crc32, equals_zlib_at_every_length_up_to_130) {
    for (std::size_t length = 0; length <= 130; ++length) {
        EXPECT_EQ(crc32(golden::sample(length)), crc32_of_zlib(golden::sample(length)))
            << "length " << length;
    }
}

TEST(crc32, continues_from_the_crc_of_what_came_before) {
    for (std::size_t cut = 0; cut <= 130; ++cut) {
        const std::string_view whole = golden::sample(130);
        EXPECT_EQ(crc32(whole.substr(cut), crc32(whole.substr(0, cut))), crc32(whole)) << "cut at " << cut;
    }
}

TEST(crc32, equals_zlib_on_random_bytes) {
    golden::random_bytes random;
    for (int round = 0; round != golden::random_inputs; ++round) {
        const std::string bytes = random();
        ASSERT_EQ(crc32(bytes), crc32_of_zlib(bytes)) << "round " << round << ", length " << bytes.size();
    }
}

} // namespace
