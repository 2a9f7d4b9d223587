// SPDX-License-Identifier: BSL-1.0
#include <pglocks/postgres/key_array.hpp>
#include <pglocks/postgres/set_statements.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using pglocks::lock_key;
using pglocks::lock_kind;
using pglocks::postgres::for_each_number;
using pglocks::postgres::key_array;

std::string hexadecimal(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += "0123456789abcdef"[byte >> 4U];
        text += "0123456789abcdef"[byte & 15U];
    }
    return text;
}

TEST(key_array, has_the_bytes_that_the_server_sends_for_such_an_array) {
    // select encode(array_send('{-9223372036854775808,7,4294967294}'::bigint[]), 'hex')
    const std::vector<lock_key> keys{std::numeric_limits<std::int64_t>::min(), 7, {0, -2}};
    key_array array(keys);
    const auto all = array.parameters();
    EXPECT_EQ(all.count, 2);
    EXPECT_EQ(all.formats[0], 1);
    EXPECT_EQ(hexadecimal({all.values[0], static_cast<std::size_t>(all.lengths[0])}),
              "0000000100000000000000140000000300000001"
              "000000088000000000000000"
              "000000080000000000000007"
              "0000000800000000fffffffe");
    EXPECT_STREQ(all.values[1], "2") << "so many are of the bigint space";
}

TEST(key_array, has_a_bound_only_if_it_is_given) {
    const std::vector<lock_key> keys{{1, 2}};
    key_array array(keys);
    EXPECT_EQ(array.parameters().count, 2);
    EXPECT_EQ(array.parameters(1500).count, 3);
    EXPECT_STREQ(array.parameters(1500).values[2], "1500");
    EXPECT_STREQ(array.parameters(7).values[2], "7");
    EXPECT_STREQ(array.parameters(7).values[1], "0");
}

TEST(numbers_of_an_answer, are_counted_from_nought) {
    const auto numbers = [](std::string_view answer) {
        std::vector<std::size_t> all;
        for_each_number(answer, [&](std::size_t n) { all.push_back(n); });
        return all;
    };
    EXPECT_TRUE(numbers("").empty());
    EXPECT_EQ(numbers("1"), std::vector<std::size_t>{0});
    EXPECT_EQ(numbers("3,17,1000"), (std::vector<std::size_t>{2, 16, 999}));
}

// All of them; as constants, so that one which has no room does not compile.
constexpr std::array waits_and_tries = [] {
    using namespace pglocks::postgres;
    std::array<set_text, 12> all{};
    std::size_t count = 0;
    for (const bool in_transaction : {false, true}) {
        for (const bool shared : {false, true}) {
            const pglocks::lock_kind kind{.ends_with_transaction = in_transaction, .shared = shared};
            all[count++] = try_all(kind);
            all[count++] = wait_for_all(kind, false);
            all[count++] = wait_for_all(kind, true);
        }
    }
    return all;
}();
constexpr std::array releases{pglocks::postgres::unlock_all(false), pglocks::postgres::unlock_all(true),
                              pglocks::postgres::unlock_what_is_held(false),
                              pglocks::postgres::unlock_what_is_held(true)};

TEST(set_statements, have_room_for_the_guard_of_a_declared_pooler) {
    const std::string token(32, 'f');
    const auto expect_room = [&](const pglocks::postgres::set_text& statement) {
        const auto text = pglocks::postgres::guarded<1792>(statement.view(), token);
        EXPECT_LT(text.size, text.text.size());
        EXPECT_NE(text.view().find(statement.view()), std::string_view::npos);
    };
    std::for_each(waits_and_tries.begin(), waits_and_tries.end(), expect_room);
    std::for_each(releases.begin(), releases.end(), expect_room);
}

TEST(set_statements, name_nothing_that_a_search_path_could_lead_astray) {
    const auto expect_qualified = [](const pglocks::postgres::set_text& statement) {
        const std::string text(statement.view());
        for (std::size_t at = 0; (at = text.find("pg_", at)) != std::string::npos; at += 3) {
            EXPECT_TRUE(text.compare(at, 11, "pg_catalog.") == 0 ||
                        (at >= 11 && text.compare(at - 11, 11, "pg_catalog.") == 0))
                << text.substr(at, 30);
        }
    };
    std::for_each(waits_and_tries.begin(), waits_and_tries.end(), expect_qualified);
    std::for_each(releases.begin(), releases.end(), expect_qualified);
}

TEST(set_statements, that_lock_leave_nothing_to_the_planner) {
    for (const pglocks::postgres::set_text& statement : waits_and_tries) {
        EXPECT_EQ(statement.view().find(" where "), std::string_view::npos);
        EXPECT_EQ(statement.view().find(" limit "), std::string_view::npos);
    }
}

} // namespace
