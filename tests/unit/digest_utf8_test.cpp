// SPDX-License-Identifier: BSL-1.0

#include <pglocks/hash/java_hash.hpp>
#include <pglocks/hash/utf8.hpp>

#include "random_bytes.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <iconv.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using pglocks::digest::for_each_utf16_unit;
using pglocks::digest::is_utf8;
using pglocks::digest::java_string_hash;
using units = std::vector<std::uint16_t>;

units utf16_of(std::string_view text) {
    units all;
    for_each_utf16_unit(text, [&](std::uint16_t unit) { all.push_back(unit); });
    return all;
}

/// The C library's converter.
class utf16_of_iconv {
public:
    utf16_of_iconv() : converter_(::iconv_open("UTF-16LE", "UTF-8")) {
        if (reinterpret_cast<std::intptr_t>(converter_) == -1) {
            throw std::runtime_error("iconv does not convert UTF-8 to UTF-16LE");
        }
    }
    utf16_of_iconv(const utf16_of_iconv&) = delete;
    utf16_of_iconv& operator=(const utf16_of_iconv&) = delete;
    ~utf16_of_iconv() { ::iconv_close(converter_); }

    /// The units; empty if the bytes are not UTF-8.
    [[nodiscard]] std::optional<units> operator()(std::string text) const {
        std::string converted(2 * text.size() + 2, '\0');
        char* from = text.data();
        char* to = converted.data();
        std::size_t left = text.size();
        std::size_t room = converted.size();
        ::iconv(converter_, nullptr, nullptr, nullptr, nullptr);
        if (::iconv(converter_, &from, &left, &to, &room) == static_cast<std::size_t>(-1)) {
            return std::nullopt;
        }
        units all((converted.size() - room) / 2);
        for (std::size_t i = 0; i != all.size(); ++i) {
            all[i] = static_cast<std::uint16_t>(static_cast<unsigned char>(converted[2 * i]) |
                                                static_cast<unsigned char>(converted[2 * i + 1]) << 8);
        }
        return all;
    }

private:
    iconv_t converter_;
};

/// Nearly UTF-8 and, if wanted, with a byte that may spoil it.
std::string random_text(golden::random_bytes& random, bool spoiled) {
    std::string text = golden::nearly_utf8(random);
    if (spoiled && !text.empty()) {
        text[random.engine()() % text.size()] = static_cast<char>(random.engine()() % 0x100);
    }
    return text;
}

static_assert(noexcept(is_utf8("")) && noexcept(java_string_hash("")));

TEST(is_utf8, takes_the_first_and_the_last_character_of_each_length) {
    static_assert(is_utf8("") && is_utf8(std::string_view("\0", 1)) && is_utf8("\x7f"));
    static_assert(is_utf8("\xc2\x80") && is_utf8("\xdf\xbf"));
    static_assert(is_utf8("\xe0\xa0\x80") && is_utf8("\xed\x9f\xbf") && is_utf8("\xee\x80\x80") &&
                  is_utf8("\xef\xbf\xbf"));
    static_assert(is_utf8("\xf0\x90\x80\x80") && is_utf8("\xf4\x8f\xbf\xbf"));
}

TEST(is_utf8, refuses_what_rfc_3629_excludes) {
    static_assert(!is_utf8("\x80") && !is_utf8("\xbf") && !is_utf8("\xfe") && !is_utf8("\xff"));
    static_assert(!is_utf8("\xc3") && !is_utf8("\xe6\xbc") && !is_utf8("\xf0\x9f\x94"), "cut short");
    static_assert(!is_utf8("\xc3(") && !is_utf8("\xe6\xbc(") && !is_utf8("\xf0\x9f\x94("));
    static_assert(!is_utf8("\xc0\x80") && !is_utf8("\xc1\xbf") && !is_utf8("\xe0\x9f\xbf") &&
                      !is_utf8("\xf0\x8f\xbf\xbf"),
                  "overlong");
    static_assert(!is_utf8("\xed\xa0\x80") && !is_utf8("\xed\xbf\xbf"), "surrogates");
    static_assert(!is_utf8("\xf4\x90\x80\x80") && !is_utf8("\xf5\x80\x80\x80") &&
                      !is_utf8("\xf8\x88\x80\x80\x80"),
                  "above U+10FFFF");
    static_assert(!is_utf8("name \xe9"), "Latin-1");
}

TEST(utf16, splits_characters_above_u_ffff_into_surrogates) {
    EXPECT_EQ(utf16_of("a\xc3\xa9\xe6\xbc\xa2"), (units{0x61, 0xe9, 0x6f22}));
    EXPECT_EQ(utf16_of("\xf0\x90\x80\x80"), (units{0xd800, 0xdc00}));
    EXPECT_EQ(utf16_of("\xf0\x9f\x94\x92"), (units{0xd83d, 0xdd12}));
    EXPECT_EQ(utf16_of("\xf4\x8f\xbf\xbf"), (units{0xdbff, 0xdfff}));
}

TEST(utf16, replaces_each_byte_that_is_no_utf_8) {
    EXPECT_EQ(utf16_of("a\xff\xe6z"), (units{0x61, 0xfffd, 0xfffd, 0x7a}));
}

TEST(utf16, equals_iconv_on_random_text_and_on_random_bytes) {
    const utf16_of_iconv expected;
    golden::random_bytes random;
    int refused = 0;
    for (int round = 0; round != golden::random_inputs; ++round) {
        const std::string text = round % 8 == 0 ? random(6) : random_text(random, round % 4 == 0);
        const auto converted = expected(text);
        ASSERT_EQ(is_utf8(text), converted.has_value()) << "round " << round;
        if (converted) {
            ASSERT_EQ(utf16_of(text), *converted) << "round " << round;
            std::uint32_t hash = 0; // Java's definition: the sum of s[i] * 31^(n - 1 - i)
            std::uint32_t power = 1;
            for (auto unit = converted->rbegin(); unit != converted->rend(); ++unit, power *= 31) {
                hash += *unit * power;
            }
            ASSERT_EQ(java_string_hash(text), static_cast<std::int32_t>(hash)) << "round " << round;
        } else {
            ++refused;
        }
    }
    EXPECT_GT(refused, golden::random_inputs / 10);
    EXPECT_LT(refused, golden::random_inputs * 9 / 10);
}

TEST(java_string_hash, equals_a_virtual_machine) {
    static_assert(java_string_hash("") == 0 && java_string_hash("hello") == 99'162'322);
    static_assert(java_string_hash("public") == -977'423'767);
    EXPECT_EQ(java_string_hash("The quick brown fox jumps over the lazy dog"), -609'428'141);
    EXPECT_EQ(java_string_hash("漢字"), 905'333);
    EXPECT_EQ(java_string_hash("\xf0\x9f\x94\x92"), 1'772'661);
    EXPECT_EQ(java_string_hash("\xf0\x9f\x94\x92\xf0\x9f\x94\x91 mixed \xc3\xa9"), -189'321'075);
}

} // namespace
