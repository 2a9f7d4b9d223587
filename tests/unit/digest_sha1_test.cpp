// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/sha1.hpp>

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

using pglocks::digest::sha1;
using digest_bytes = std::array<std::uint8_t, 20>;

digest_bytes sha1_of_openssl(std::string_view bytes) {
    digest_bytes digest{};
    EXPECT_EQ(::EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, ::EVP_sha1(), nullptr), 1);
    return digest;
}

struct vector {
    std::string_view bytes;
    std::string_view digest;
};

constexpr bool is_met(const vector& v) {
    std::array<char, 2 * 20> digits{};
    const digest_bytes digest = sha1(v.bytes);
    for (std::size_t i = 0; i != digest.size(); ++i) {
        digits[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[digest[i] & 0xf];
    }
    return std::equal(digits.begin(), digits.end(), v.digest.begin(), v.digest.end());
}

/// The empty message, and NIST's examples for SHA-1 of one and of two blocks.
constexpr std::array<vector, 3> published{{
    {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
}};

static_assert(noexcept(sha1("")));
static_assert(std::all_of(published.begin(), published.end(), is_met));

TEST(sha1, equals_the_published_vectors) {
    for (const vector& v : published) {
        EXPECT_TRUE(is_met(v)) << v.bytes;
    }
    EXPECT_EQ(sha1(std::string_view()), sha1(""));
}

TEST(sha1, hashes_a_name_of_1000_bytes_at_compile_time) {
    static constexpr digest_bytes digest = sha1(golden::sample(1000));
    EXPECT_EQ(digest, sha1_of_openssl(golden::sample(1000)));
}

TEST(sha1, equals_openssl_at_every_length_up_to_200) {
    for (std::size_t length = 0; length <= 200; ++length) {
        EXPECT_EQ(sha1(golden::sample(length)), sha1_of_openssl(golden::sample(length)))
            << "length " << length;
    }
}

TEST(sha1, of_two_pieces_is_that_of_the_whole) {
    for (std::size_t cut = 0; cut <= 130; ++cut) {
        const std::string_view whole = golden::sample(130);
        EXPECT_EQ(sha1(whole.substr(0, cut), whole.substr(cut)), sha1(whole)) << "cut at " << cut;
    }
}

TEST(sha1, equals_openssl_on_random_bytes) {
    golden::random_bytes random;
    for (int round = 0; round != golden::random_inputs; ++round) {
        const std::string bytes = random();
        ASSERT_EQ(sha1(bytes), sha1_of_openssl(bytes)) << "round " << round << ", length " << bytes.size();
    }
}

} // namespace
