// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/bytes.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace {

namespace digest = pglocks::digest;

template <class Byte>
class byte_order : public testing::Test {};
using byte_types = testing::Types<char, unsigned char, std::byte>;
TYPED_TEST_SUITE(byte_order, byte_types);

template <class Byte>
constexpr std::array<Byte, 9> bytes_above_127{Byte{0x55},
                                              static_cast<Byte>(0x80),
                                              static_cast<Byte>(0xff),
                                              Byte{0x00},
                                              static_cast<Byte>(0xfe),
                                              Byte{0x7f},
                                              static_cast<Byte>(0xa1),
                                              Byte{0x01},
                                              static_cast<Byte>(0x90)};

template <class Byte>
constexpr bool reads_right(const std::array<Byte, 9>& bytes) {
    const Byte* const unaligned = bytes.data() + 1;
    return digest::load_little_u32(unaligned) == 0xfe00'ff80 &&
           digest::load_big_u32(unaligned) == 0x80ff'00fe &&
           digest::load_little_u64(unaligned) == 0x9001'a17f'fe00'ff80 &&
           digest::load_big_u64(unaligned) == 0x80ff'00fe'7fa1'0190;
}

template <class Byte>
constexpr std::array<Byte, 9> written() {
    std::array<Byte, 9> bytes{Byte{0x55}};
    digest::store_big_u64(0x80ff'00fe'7fa1'0190, bytes.data() + 1);
    return bytes;
}

TYPED_TEST(byte_order, is_kept_when_reading_unaligned_bytes_above_127) {
    static_assert(reads_right(bytes_above_127<TypeParam>));
    EXPECT_TRUE(reads_right(bytes_above_127<TypeParam>));
}

TYPED_TEST(byte_order, is_kept_when_writing_unaligned_bytes_above_127) {
    static_assert(written<TypeParam>() == bytes_above_127<TypeParam>);
    EXPECT_EQ(written<TypeParam>(), bytes_above_127<TypeParam>);
}

template <class Byte>
constexpr std::array<Byte, 9> written_in_little_endian() {
    std::array<Byte, 9> bytes{Byte{0x55}};
    digest::store_little_u64(0x9001'a17f'fe00'ff80, bytes.data() + 1);
    return bytes;
}

TYPED_TEST(byte_order, is_kept_when_writing_unaligned_bytes_in_little_endian) {
    static_assert(written_in_little_endian<TypeParam>() == bytes_above_127<TypeParam>);
    EXPECT_EQ(written_in_little_endian<TypeParam>(), bytes_above_127<TypeParam>);
}

TYPED_TEST(byte_order, writes_four_bytes_and_no_more_for_32_bits) {
    std::array<TypeParam, 6> bytes{};
    digest::store_big_u32(0xfedc'ba98, bytes.data() + 1);
    EXPECT_EQ(bytes, (std::array<TypeParam, 6>{TypeParam{0}, static_cast<TypeParam>(0xfe),
                                               static_cast<TypeParam>(0xdc), static_cast<TypeParam>(0xba),
                                               static_cast<TypeParam>(0x98), TypeParam{0}}));
}

TEST(byte_like, is_a_type_through_which_an_objects_bytes_may_be_read) {
    static_assert(digest::byte_like<char> && digest::byte_like<std::uint8_t> && digest::byte_like<std::byte>);
    static_assert(!digest::byte_like<bool> && !digest::byte_like<signed char> &&
                  !digest::byte_like<char16_t>);
}

} // namespace
