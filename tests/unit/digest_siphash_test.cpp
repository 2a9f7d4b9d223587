// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/siphash.hpp>

#include "golden_vectors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/types.h>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using pglocks::digest::make_siphash_key;
using pglocks::digest::siphash_2_4;
using key_bytes = std::array<std::uint8_t, 16>;

/// The key of the paper's vectors: 00 01 02 ... 0f.
constexpr key_bytes key_of_the_paper{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/// The messages of the paper's vectors: the first n bytes of 00 01 02 ... 3e.
constexpr std::array<char, 63> message_of_the_paper = [] {
    std::array<char, 63> bytes{};
    for (std::size_t i = 0; i != bytes.size(); ++i) {
        bytes[i] = static_cast<char>(i);
    }
    return bytes;
}();

/// The vectors of SipHash-2-4 with a 64-bit result that the paper's authors publish, by the message's length
/// (number 15 is the example in the paper's appendix A).
constexpr std::array<std::uint64_t, 64> published{
    0x726f'db47'dd0e'0e31, 0x74f8'39c5'93dc'67fd, 0x0d6c'8009'd9a9'4f5a, 0x8567'6696'd7fb'7e2d,
    0xcf27'94e0'2771'87b7, 0x1876'5564'cd99'a68d, 0xcbc9'466e'58fe'e3ce, 0xab02'00f5'8b01'd137,
    0x93f5'f579'9a93'2462, 0x9e00'82df'0ba9'e4b0, 0x7a5d'bbc5'94dd'b9f3, 0xf4b3'2f46'226b'ada7,
    0x751e'8fbc'860e'e5fb, 0x14ea'5627'c084'3d90, 0xf723'ca90'8e7a'f2ee, 0xa129'ca61'49be'45e5,
    0x3f2a'cc7f'57c2'9bdb, 0x699a'e9f5'2cbe'4794, 0x4bc1'b3f0'968d'd39c, 0xbb6d'c91d'a779'61bd,
    0xbed6'5cf2'1aa2'ee98, 0xd0f2'cbb0'2e3b'67c7, 0x9353'6795'e3a3'3e88, 0xa80c'038c'cd5c'cec8,
    0xb8ad'50c6'f649'af94, 0xbce1'92de'8a85'b8ea, 0x17d8'35b8'5bbb'15f3, 0x2f2e'6163'076b'cfad,
    0xde4d'aaac'a71d'c9a5, 0xa6a2'5066'8795'6571, 0xad87'a353'5c49'ef28, 0x32d8'92fa'd841'c342,
    0x7127'512f'72f2'7cce, 0xa7f3'2346'f959'78e3, 0x12e0'b01a'bb05'1238, 0x15e0'34d4'0fa1'97ae,
    0x314d'ffbe'0815'a3b4, 0x0279'90f0'2962'3981, 0xcadc'd4e5'9ef4'0c4d, 0x9abf'd876'6a33'735c,
    0x0e3e'a96b'5304'a7d0, 0xad0c'42d6'fc58'5992, 0x1873'06c8'9bc2'15a9, 0xd4a6'0abc'f379'2b95,
    0xf935'451d'e4f2'1df2, 0xa953'8f04'1975'5787, 0xdb9a'cddf'f56c'a510, 0xd06c'98cd'5c09'75eb,
    0xe612'a3cb'9ecb'a951, 0xc766'e62c'fcad'af96, 0xee64'435a'9752'fe72, 0xa192'd576'b245'165a,
    0x0a87'87bf'8ecb'74b2, 0x81b3'e73d'20b4'9b6f, 0x7fa8'220b'a3b2'ecea, 0x2457'31c1'3ca4'2499,
    0xb78d'bfaf'3a8d'83bd, 0xea1a'd565'322a'1a0b, 0x60e6'1c23'a379'5013, 0x6606'd7e4'4628'2b93,
    0x6ca4'ecb1'5c5f'91e1, 0x9f62'6da1'5c96'25f3, 0xe51b'3860'8ef2'5f57, 0x958a'324c'eb06'4572};

constexpr std::uint64_t siphash_2_4_under(const key_bytes& key, std::string_view bytes) {
    const auto [k0, k1] = make_siphash_key(key);
    return siphash_2_4(k0, k1, bytes);
}

constexpr std::uint64_t of_the_papers_message(std::size_t length) {
    return siphash_2_4_under(key_of_the_paper, {message_of_the_paper.data(), length});
}

constexpr bool all_published_vectors_are_met() {
    for (std::size_t length = 0; length != published.size(); ++length) {
        if (of_the_papers_message(length) != published[length]) {
            return false;
        }
    }
    return true;
}

/// OpenSSL's SipHash, whose default are two and four rounds.
class siphash_of_openssl {
public:
    siphash_of_openssl() {
        if (!mac_ || !context_) {
            throw std::runtime_error("OpenSSL has no SipHash: is its default provider loaded?");
        }
    }

    std::uint64_t operator()(const key_bytes& key, std::string_view bytes) const {
        std::size_t size = 8;
        const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                                   OSSL_PARAM_construct_end()};
        std::array<std::uint8_t, 8> result{};
        std::size_t written = 0;
        if (EVP_MAC_init(context_.get(), key.data(), key.size(), parameters.data()) != 1 ||
            EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                           bytes.size()) != 1 ||
            EVP_MAC_final(context_.get(), result.data(), &written, result.size()) != 1 ||
            written != result.size()) {
            throw std::runtime_error("OpenSSL could not compute SipHash");
        }
        return pglocks::digest::load_little_u64(result.data());
    }

private:
    struct release {
        void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
        void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
    };
    std::unique_ptr<EVP_MAC, release> mac_{EVP_MAC_fetch(nullptr, "SIPHASH", nullptr)};
    std::unique_ptr<EVP_MAC_CTX, release> context_{EVP_MAC_CTX_new(mac_.get())};
};

static_assert(noexcept(siphash_2_4(0, 0, "")) && noexcept(make_siphash_key({})));
static_assert(all_published_vectors_are_met());
static_assert(make_siphash_key(key_of_the_paper).k0 == 0x0706'0504'0302'0100 &&
              make_siphash_key(key_of_the_paper).k1 == 0x0f0e'0d0c'0b0a'0908);
static_assert(siphash_2_4(1, 2, std::string_view()) == siphash_2_4(1, 2, ""));

TEST(siphash_2_4, equals_all_published_vectors) {
    for (std::size_t length = 0; length != published.size(); ++length) {
        EXPECT_EQ(of_the_papers_message(length), published[length]) << "length " << length;
    }
}

TEST(siphash_2_4, hashes_a_name_of_1000_bytes_at_compile_time) {
    static_assert(siphash_2_4_under(key_of_the_paper, golden::sample(1000)) == 0xfe3b'fd7a'b50a'7f97);
    EXPECT_EQ(siphash_2_4_under(key_of_the_paper, golden::sample(1000)), 0xfe3b'fd7a'b50a'7f97U);
}

TEST(siphash_2_4, equals_openssl_at_every_length_up_to_130) {
    const siphash_of_openssl expected;
    for (std::size_t length = 0; length <= 130; ++length) {
        EXPECT_EQ(siphash_2_4_under(key_of_the_paper, golden::sample(length)),
                  expected(key_of_the_paper, golden::sample(length)))
            << "length " << length;
    }
}

TEST(siphash_2_4, equals_openssl_on_random_keys_and_bytes) {
    const siphash_of_openssl expected;
    std::mt19937 random(20'240'607);
    for (int round = 0; round != 100'000; ++round) {
        key_bytes key{};
        std::generate(key.begin(), key.end(), [&] { return static_cast<std::uint8_t>(random() & 0xff); });
        std::string bytes(random() % 201, '\0');
        std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random() & 0xff); });
        ASSERT_EQ(siphash_2_4_under(key, bytes), expected(key, bytes))
            << "round " << round << ", length " << bytes.size();
    }
}

TEST(siphash_key, is_read_in_little_endian_halves) {
    EXPECT_EQ(make_siphash_key(key_of_the_paper),
              (pglocks::digest::siphash_key{.k0 = 0x0706'0504'0302'0100, .k1 = 0x0f0e'0d0c'0b0a'0908}));
}

} // namespace
