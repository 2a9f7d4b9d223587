// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/hmac_sha256.hpp>

#include "golden_vectors.hpp"
#include "random_bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using pglocks::digest::hkdf_sha256;
using pglocks::digest::hmac_sha256;
using digest_bytes = std::array<std::uint8_t, 32>;

template <class Byte>
[[nodiscard]] std::string hex(const Byte& bytes) {
    std::string digits;
    for (const std::uint8_t byte : bytes) {
        digits += "0123456789abcdef"[byte >> 4];
        digits += "0123456789abcdef"[byte & 0xf];
    }
    return digits;
}

/// The bytes from `first` to `last`.
[[nodiscard]] std::string bytes_from(int first, int last) {
    std::string bytes;
    for (int byte = first; byte <= last; ++byte) {
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

digest_bytes hmac_of_openssl(std::string_view key, std::string_view message) {
    digest_bytes digest{};
    ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(), nullptr);
    return digest;
}

/// HKDF as OpenSSL computes it. It does not take an empty key.
class hkdf_of_openssl {
public:
    template <std::size_t Size>
    [[nodiscard]] std::array<std::uint8_t, Size> derive(std::string salt, std::string key,
                                                        std::string info) const {
        std::array<std::uint8_t, Size> derived{};
        std::string hash = "SHA256";
        const std::array<OSSL_PARAM, 5> parameters{
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash.data(), hash.size()),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
            OSSL_PARAM_construct_end()};
        ::EVP_KDF_CTX_reset(context_.get());
        if (::EVP_KDF_derive(context_.get(), derived.data(), derived.size(), parameters.data()) != 1) {
            throw std::runtime_error("OpenSSL derives no key");
        }
        return derived;
    }

private:
    struct release {
        void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
        void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
    };
    std::unique_ptr<EVP_KDF, release> kdf_{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
    std::unique_ptr<EVP_KDF_CTX, release> context_{EVP_KDF_CTX_new(kdf_.get())};
};

static_assert(noexcept(hmac_sha256("", "")) && noexcept(hkdf_sha256<8>("", "", "")));

TEST(hmac_sha256, equals_the_test_cases_of_rfc_4231) {
    EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))),
              "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    EXPECT_EQ(
        hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(hmac_sha256, is_a_constant_expression) {
    static constexpr digest_bytes digest = hmac_sha256("Jefe", "what do ya want for nothing?");
    EXPECT_EQ(digest, hmac_of_openssl("Jefe", "what do ya want for nothing?"));
}

TEST(hmac_sha256, equals_openssl_with_keys_of_every_length_up_to_130) {
    for (std::size_t length = 0; length <= 130; ++length) {
        EXPECT_EQ(hmac_sha256(golden::sample(length), "message"),
                  hmac_of_openssl(golden::sample(length), "message"))
            << "length " << length;
    }
}

TEST(hmac_sha256, equals_openssl_on_random_bytes) {
    golden::random_bytes random;
    for (int round = 0; round != golden::random_inputs; ++round) {
        const std::string key = random(100);
        const std::string message = random(100);
        ASSERT_EQ(hmac_sha256(key, message), hmac_of_openssl(key, message)) << "round " << round;
    }
}

TEST(hkdf_sha256, equals_the_test_cases_of_rfc_5869) {
    EXPECT_EQ(hex(hkdf_sha256<42>(bytes_from(0, 0x0c), std::string(22, '\x0b'), bytes_from(0xf0, 0xf9))),
              "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    EXPECT_EQ(
        hex(hkdf_sha256<82>(bytes_from(0x60, 0xaf), bytes_from(0, 0x4f), bytes_from(0xb0, 0xff))),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    EXPECT_EQ(hex(hkdf_sha256<42>("", std::string(22, '\x0b'), "")),
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(hkdf_sha256, equals_openssl_on_random_bytes) {
    const hkdf_of_openssl expected;
    golden::random_bytes random;
    for (int round = 0; round != golden::random_inputs; ++round) {
        const std::string key = 'k' + random(60);
        const std::string info = random(60);
        ASSERT_EQ(hkdf_sha256<8>("", key, info), expected.derive<8>("", key, info)) << "round " << round;
    }
}

TEST(hkdf_sha256, equals_openssl_with_salts_and_several_blocks) {
    const hkdf_of_openssl expected;
    golden::random_bytes random;
    for (int round = 0; round != 1'000; ++round) {
        const std::string key = 'k' + random();
        const std::string info = random();
        const std::string salt = random();
        ASSERT_EQ(hkdf_sha256<100>(salt, key, info), expected.derive<100>(salt, key, info))
            << "round " << round;
    }
}

} // namespace
