// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/sha256.hpp>

#include "golden_vectors.hpp"
#include "random_bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <openssl/sha.h>
#include <string>
#include <string_view>

namespace {

using pglocks::digest::sha256;
using digest_bytes = std::array<std::uint8_t, 32>;

digest_bytes sha256_of_openssl(std::string_view bytes) {
    digest_bytes digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    return digest;
}

constexpr std::array<char, 64> hex(const digest_bytes& digest) {
    std::array<char, 64> digits{};
    for (std::size_t i = 0; i != digest.size(); ++i) {
        digits[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[digest[i] & 0xf];
    }
    return digits;
}

struct vector {
    std::string_view bytes;
    std::string_view digest;
};

constexpr bool is_met(const vector& v) {
    const auto digits = hex(sha256(v.bytes));
    return std::equal(digits.begin(), digits.end(), v.digest.begin(), v.digest.end());
}

/// The empty message, NIST's examples for SHA-256 of one and of two blocks, and the message of its example
/// for SHA-512.
constexpr std::array<vector, 4> published{{
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrs"
     "tnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
}};

/// Lengths around which the padding takes another form, of `golden::sample`.
constexpr std::array<vector, 10> around_block_boundaries{{
    {golden::sample(55), "a063160825f18a25a30f22a37360b75b888818560a2c56b38cbfc5a7fbc3f4c0"},
    {golden::sample(56), "3f936580fdecbece373897ca54c6b8051c158e218a5dbcb8a943a3257bdf40e5"},
    {golden::sample(63), "d0b05fd001ca315b9eb84a449425b21c398ac6bcd9f757f07e86ad6746fd4ce9"},
    {golden::sample(64), "12d915ae741d410cdcad44b2381ae8f8d0541ad37abaa7ca1b6f214483f52ef1"},
    {golden::sample(65), "c8028d019d23b252696f2aac710454bd43850f80b8a56becd036bd6e191da970"},
    {golden::sample(119), "2e555f3076034cfc26ca8c89810810374e03739e40b07e039c117b0a3cf3a6a4"},
    {golden::sample(120), "222c16a595ac51fe1273be3fcfeb25eaf109a9c4efa660772de07d2aef3b5b04"},
    {golden::sample(127), "51f00a1611981ea4727c478d575c4ddb9b26007f7f372f832315417f1ca99382"},
    {golden::sample(128), "ad593376b30cda05c3b543f0831982bc0fab9c7a5ea38191034dee1a63522d87"},
    {golden::sample(129), "be3e402e5993a4174aad5d077ac88a7de8020fad1dda995b075ead046a5fa5b0"},
}};

constexpr vector sample_of_1000_bytes{golden::sample(1000),
                                      "0552d01aa5b95ee31e8b4779c6c648e2ba829ae1374dddf4358ae3c6d9498d08"};

constexpr std::int64_t first_eight_bytes(std::string_view bytes) {
    return std::bit_cast<std::int64_t>(pglocks::digest::load_big_u64(sha256(bytes).data()));
}

static_assert(noexcept(sha256("")));
static_assert(is_met(published[0]) && is_met(published[1]) && is_met(published[2]) && is_met(published[3]));
static_assert(std::all_of(around_block_boundaries.begin(), around_block_boundaries.end(), is_met));
static_assert(std::all_of(golden::keys.begin(), golden::keys.end(), [](const golden::keys_of_name& row) {
    return first_eight_bytes(row.name) == row.django_pglocks_2;
}));

TEST(sha256, equals_the_published_vectors) {
    for (const vector& v : published) {
        EXPECT_TRUE(is_met(v)) << v.bytes;
    }
    EXPECT_EQ(sha256(std::string_view()), sha256(""));
}

TEST(sha256, equals_the_published_vector_of_a_million_times_a) {
    EXPECT_TRUE(is_met(
        {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}));
}

TEST(sha256, gives_the_keys_of_django_pglocks_2) {
    for (const auto& row : golden::keys) {
        EXPECT_EQ(first_eight_bytes(row.name), row.django_pglocks_2) << row.name;
    }
}

TEST(sha256, hashes_a_name_of_1000_bytes_at_compile_time) {
    static_assert(is_met(sample_of_1000_bytes));
    EXPECT_TRUE(is_met(sample_of_1000_bytes));
}

TEST(sha256, pads_at_compile_time_as_at_run_time_around_block_boundaries) {
    for (const vector& v : around_block_boundaries) {
        EXPECT_TRUE(is_met(v)) << "length " << v.bytes.size();
    }
}

TEST(sha256, equals_openssl_at_every_length_up_to_130) {
    for (std::size_t length = 0; length <= 130; ++length) {
        EXPECT_EQ(sha256(golden::sample(length)), sha256_of_openssl(golden::sample(length)))
            << "length " << length;
    }
}

TEST(sha256, equals_openssl_on_random_bytes) {
    golden::random_bytes random;
    for (int round = 0; round != golden::random_inputs; ++round) {
        const std::string bytes = random();
        ASSERT_EQ(sha256(bytes), sha256_of_openssl(bytes))
            << "round " << round << ", length " << bytes.size();
    }
}

} // namespace
