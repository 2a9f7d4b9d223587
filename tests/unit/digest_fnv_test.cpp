// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/fnv.hpp>

#include "golden_vectors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using pglocks::digest::fnv1_32;
using pglocks::digest::fnv1_64;
using pglocks::digest::fnv1a_64;

struct vector {
    std::string_view bytes;
    std::uint64_t hash;
};

/// From the list that Landon Curt Noll publishes with the hash (test_fnv.c).
constexpr std::array<vector, 12> published{{
    {"", 0xcbf2'9ce4'8422'2325},
    {"a", 0xaf63'dc4c'8601'ec8c},
    {"foobar", 0x8594'4171'f739'67e8},
    {std::string_view("\0", 1), 0xaf63'bd4c'8601'b7df},
    {std::string_view("foobar\0", 7), 0x3453'1ca7'168b'8f38},
    {"curds and whey\n", 0x1a0b'44cc'fe13'85ec},
    {"hello", 0xa430'd846'80aa'bd0b},
    {std::string_view("\xff\x00\x00\x01", 4), 0x6961'1964'91cc'682d},
    {std::string_view("\x01\x00\x00\xff", 4), 0xad2b'b177'4799'dfe9},
    {std::string_view("\x40\x51\x4e\x44", 4), 0xe3b3'6596'127c'd6d8},
    {"127.0.0.1", 0xaaba'fe71'04d9'14be},
    {"http://www.isthe.com/chongo/tech/comp/fnv/index.html", 0x8882'6f56'eba0'7af1},
}};

constexpr bool is_met(const vector& v) { return fnv1a_64(v.bytes) == v.hash; }

template <char Byte>
constexpr std::array<char, 500> five_hundred = [] {
    std::array<char, 500> bytes{};
    bytes.fill(Byte);
    return bytes;
}();

template <char Byte>
constexpr std::string_view repeated(five_hundred<Byte>.data(), five_hundred<Byte>.size());

static_assert(noexcept(fnv1a_64("")));
static_assert(std::all_of(published.begin(), published.end(), is_met));
static_assert(fnv1a_64(std::string_view()) == 0xcbf2'9ce4'8422'2325);

TEST(fnv1a_64, equals_the_published_vectors) {
    for (const vector& v : published) {
        EXPECT_EQ(fnv1a_64(v.bytes), v.hash) << v.bytes;
    }
}

TEST(fnv1a_64, equals_the_published_vectors_of_500_equal_bytes) {
    static_assert(fnv1a_64(repeated<'\x00'>) == 0x1fe3'fce6'2bd8'16b5);
    static_assert(fnv1a_64(repeated<'\x7f'>) == 0x39e9'f18f'2f85'e221);
    EXPECT_EQ(fnv1a_64(repeated<'\x00'>), 0x1fe3'fce6'2bd8'16b5U);
    EXPECT_EQ(fnv1a_64(repeated<'\x07'>), 0xc23e'9fcc'd6f7'0591U);
    EXPECT_EQ(fnv1a_64(repeated<'~'>), 0xc1af'12bd'fe16'b5b5U);
    EXPECT_EQ(fnv1a_64(repeated<'\x7f'>), 0x39e9'f18f'2f85'e221U);
}

TEST(fnv1a_64, equals_the_published_vector_of_bytes_above_127_ten_times) {
    std::string bytes;
    for (int i = 0; i != 10; ++i) {
        bytes += "\xfe\xdc\xba\x98\x76\x54\x32\x10";
    }
    EXPECT_EQ(fnv1a_64(bytes), 0x9175'cbb2'1608'36c5U);
}

TEST(fnv1a_64, hashes_a_name_of_1000_bytes_at_compile_time) {
    static_assert(fnv1a_64(golden::sample(1000)) == 0x7578'c355'5d1b'c00a);
    EXPECT_EQ(fnv1a_64(golden::sample(1000)), 0x7578'c355'5d1b'c00aU);
}

TEST(fnv1a_64, follows_its_definition_byte_by_byte_up_to_length_130) {
    std::uint64_t expected = 14'695'981'039'346'656'037U;
    for (std::size_t length = 0; length <= 130; ++length) {
        EXPECT_EQ(fnv1a_64(golden::sample(length)), expected) << "length " << length;
        expected = (expected ^ std::uint64_t{static_cast<unsigned char>(golden::sample(131)[length])}) *
                   ((std::uint64_t{1} << 40) + (1U << 8) + 0xb3U);
    }
}

struct fnv1_vector {
    std::string_view bytes;
    std::uint32_t hash_32;
    std::uint64_t hash_64;
};

/// From the list that Landon Curt Noll publishes with the hash (test_fnv.c).
constexpr std::array<fnv1_vector, 6> published_fnv1{{
    {"", 0x811c'9dc5, 0xcbf2'9ce4'8422'2325},
    {"a", 0x050c'5d7e, 0xaf63'bd4c'8601'b7be},
    {"b", 0x050c'5d7d, 0xaf63'bd4c'8601'b7bd},
    {"fo", 0x6b77'2514, 0x0832'6207'b4eb'2f34},
    {"foo", 0x408f'5e13, 0xd8cb'c718'6ba1'3533},
    {"foobar", 0x31f0'b262, 0x340d'8765'a4dd'a9c2},
}};

TEST(fnv1, equals_the_published_vectors) {
    static_assert(noexcept(fnv1_32("")) && noexcept(fnv1_64("")));
    static_assert(fnv1_32(published_fnv1[5].bytes) == published_fnv1[5].hash_32);
    static_assert(fnv1_64(published_fnv1[5].bytes) == published_fnv1[5].hash_64);
    for (const fnv1_vector& v : published_fnv1) {
        EXPECT_EQ(fnv1_32(v.bytes), v.hash_32) << v.bytes;
        EXPECT_EQ(fnv1_64(v.bytes), v.hash_64) << v.bytes;
    }
}

TEST(fnv1, follows_its_definition_byte_by_byte_up_to_length_130) {
    std::uint32_t expected_32 = 2'166'136'261U;
    std::uint64_t expected_64 = 14'695'981'039'346'656'037U;
    for (std::size_t length = 0; length <= 130; ++length) {
        EXPECT_EQ(fnv1_32(golden::sample(length)), expected_32) << "length " << length;
        EXPECT_EQ(fnv1_64(golden::sample(length)), expected_64) << "length " << length;
        const auto next = static_cast<unsigned char>(golden::sample(131)[length]);
        expected_32 = expected_32 * ((1U << 24) + (1U << 8) + 0x93U) ^ next;
        expected_64 = expected_64 * ((std::uint64_t{1} << 40) + (1U << 8) + 0xb3U) ^ next;
    }
}

} // namespace
