// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/md5.hpp>

#include "golden_vectors.hpp"
#include "random_bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <openssl/evp.h>
#include <string>
#include <string_view>

namespace {

using pglocks::digest::md5;
using digest_bytes = std::array<std::uint8_t, 16>;

digest_bytes md5_of_openssl(std::string_view bytes) {
    digest_bytes digest{};
    EXPECT_EQ(::EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, ::EVP_md5(), nullptr), 1);
    return digest;
}

struct vector {
    std::string_view bytes;
    std::string_view digest;
};

constexpr bool is_met(const vector& v) {
    std::array<char, 2 * 16> digits{};
    const digest_bytes digest = md5(v.bytes);
    for (std::size_t i = 0; i != digest.size(); ++i) {
        digits[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[digest[i] & 0xf];
    }
    return std::equal(digits.begin(), digits.end(), v.digest.begin(), v.digest.end());
}

/// The test suite of RFC 1321, appendix A.5.
constexpr std::array<vector, 7> published{{
    {"", "d41d8cd98f00b204e9800998ecf8427e"},
    {"a", "0cc175b9c0f1b6a831c399e269772661"},
    {"abc", "900150983cd24fb0d6963f7d28e17f72"},
    {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
     "57edf4a22be3c955ac49da2e2107b67a"},
}};

static_assert(noexcept(md5("")));
static_assert(std::all_of(published.begin(), published.end(), is_met));

TEST(md5, equals_the_published_vectors) {
    for (const vector& v : published) {
        EXPECT_TRUE(is_met(v)) << v.bytes;
    }
    EXPECT_EQ(md5(std::string_view()), md5(""));
}

TEST(md5, hashes_a_name_of_1000_bytes_at_compile_time) {
    static constexpr digest_bytes digest = md5(golden::sample(1000));
    EXPECT_EQ(digest, md5_of_openssl(golden::sample(1000)));
}

TEST(md5, equals_openssl_at_every_length_up_to_200) {
    for (std::size_t length = 0; length <= 200; ++length) {
        EXPECT_EQ(md5(golden::sample(length)), md5_of_openssl(golden::sample(length))) << "length " << length;
    }
}

TEST(md5, equals_openssl_on_random_bytes) {
    golden::random_bytes random;
    for (int round = 0; round != golden::random_inputs; ++round) {
        const std::string bytes = random();
        ASSERT_EQ(md5(bytes), md5_of_openssl(bytes)) << "round " << round << ", length " << bytes.size();
    }
}

} // namespace
