// SPDX-License-Identifier: BSL-1.0

#include <pglocks/key.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using pglocks::key_space;
using pglocks::lock_key;
using pglocks::parse_key;
using pglocks::to_sql;
using pglocks::to_string;

constexpr auto least_bigint = std::numeric_limits<std::int64_t>::min();
constexpr auto greatest_bigint = std::numeric_limits<std::int64_t>::max();
constexpr auto least_integer = std::numeric_limits<std::int32_t>::min();
constexpr auto greatest_integer = std::numeric_limits<std::int32_t>::max();

/// Keys at the edges of both spaces.
constexpr std::array<lock_key, 16> edges{{0,
                                          1,
                                          -1,
                                          42,
                                          least_bigint,
                                          greatest_bigint,
                                          std::int64_t{greatest_integer} + 1,
                                          std::int64_t{least_integer} - 1,
                                          {0, 0},
                                          {0, 1},
                                          {1, 0},
                                          {-1, -1},
                                          {-1, 0},
                                          {0, -1},
                                          {least_integer, greatest_integer},
                                          {greatest_integer, least_integer}}};

lock_key random_key(std::mt19937_64& random) {
    const auto bits = static_cast<std::int64_t>(random());
    return lock_key::from_bits(bits, random() % 2 == 0 ? key_space::bigint : key_space::integer_pair);
}

TEST(lock_key, of_one_integer_is_in_the_bigint_space) {
    constexpr lock_key key = 42;
    static_assert(key.space() == key_space::bigint && !key.is_pair() && key.bits() == 42);
    static_assert(key.classid() == 0 && key.objid() == 42 && key.objsubid() == 1);
}

TEST(lock_key, of_two_integers_is_in_the_pair_space) {
    constexpr lock_key key(7, 9);
    static_assert(key.space() == key_space::integer_pair && key.is_pair());
    static_assert(key.first() == 7 && key.second() == 9);
    static_assert(key.classid() == 7 && key.objid() == 9 && key.objsubid() == 2);
}

TEST(lock_key, of_a_negative_bigint_shows_two_unsigned_halves) {
    constexpr lock_key minus_one = -1;
    static_assert(minus_one.classid() == 0xffff'ffff && minus_one.objid() == 0xffff'ffff);
    constexpr lock_key least = least_bigint;
    static_assert(least.classid() == 0x8000'0000 && least.objid() == 0);
    constexpr lock_key minus_two_to_the_32 = -(std::int64_t{1} << 32);
    static_assert(minus_two_to_the_32.classid() == 0xffff'ffff && minus_two_to_the_32.objid() == 0);
}

TEST(lock_key, of_a_pair_keeps_a_negative_half_apart_from_the_other) {
    constexpr lock_key second_negative(5, -1);
    static_assert(second_negative.first() == 5 && second_negative.second() == -1);
    static_assert(second_negative.classid() == 5 && second_negative.objid() == 0xffff'ffff);
    constexpr lock_key first_negative(-1, 5);
    static_assert(first_negative.first() == -1 && first_negative.second() == 5);
    static_assert(first_negative.classid() == 0xffff'ffff && first_negative.objid() == 5);
    constexpr lock_key extremes(least_integer, greatest_integer);
    static_assert(extremes.first() == least_integer && extremes.second() == greatest_integer);
}

TEST(lock_key, of_one_space_never_equals_one_of_the_other) {
    static_assert(lock_key(0) != lock_key(0, 0));
    static_assert(lock_key((std::int64_t{1} << 32) + 2) != lock_key(1, 2));
    static_assert(lock_key((std::int64_t{1} << 32) + 2).bits() == lock_key(1, 2).bits());
}

TEST(lock_key, orders_by_space_and_then_by_value) {
    static_assert(lock_key(greatest_bigint) < lock_key(least_integer, least_integer));
    static_assert(lock_key(-1) < lock_key(0) && lock_key(0) < lock_key(1));
    static_assert(lock_key(-1, 0) < lock_key(0, 0) && lock_key(0, 0) < lock_key(1, 0));
    static_assert((lock_key(3, 4) <=> lock_key(3, 4)) == std::strong_ordering::equal);
}

TEST(lock_key, has_a_strict_total_order) {
    std::mt19937_64 random(1);
    std::vector<lock_key> keys(edges.begin(), edges.end());
    for (int i = 0; i < 200; ++i) {
        keys.push_back(random_key(random));
    }
    for (const lock_key a : keys) {
        for (const lock_key b : keys) {
            const int relations = (a < b ? 1 : 0) + (b < a ? 1 : 0) + (a == b ? 1 : 0);
            ASSERT_EQ(relations, 1) << a << " and " << b;
        }
    }
    std::sort(keys.begin(), keys.end());
    const auto first_pair =
        std::find_if(keys.begin(), keys.end(), [](lock_key key) { return key.is_pair(); });
    EXPECT_TRUE(std::all_of(first_pair, keys.end(), [](lock_key key) { return key.is_pair(); }));
    EXPECT_TRUE(
        std::is_sorted(keys.begin(), first_pair, [](lock_key a, lock_key b) { return a.bits() < b.bits(); }));
}

TEST(lock_key, is_taken_apart_and_put_together_again) {
    for (const lock_key key : edges) {
        EXPECT_EQ(lock_key::from_bits(key.bits(), key.space()), key);
        EXPECT_EQ(lock_key::from_pg_locks(key.classid(), key.objid(), key.objsubid()), key);
        if (key.is_pair()) {
            EXPECT_EQ(lock_key(key.first(), key.second()), key);
        } else {
            EXPECT_EQ(lock_key(key.bits()), key);
        }
    }
}

TEST(lock_key, comes_from_columns_of_pg_locks) {
    static_assert(lock_key::from_pg_locks(0, 42, 1) == lock_key(42));
    static_assert(lock_key::from_pg_locks(4294967295, 4294967295, 1) == lock_key(-1));
    static_assert(lock_key::from_pg_locks(4294967295, 5, 2) == lock_key(-1, 5));
}

TEST(lock_key, does_not_come_from_a_row_of_another_objsubid) {
    for (std::uint32_t objsubid = 0; objsubid <= std::numeric_limits<std::uint16_t>::max(); ++objsubid) {
        const auto key = lock_key::from_pg_locks(1, 2, static_cast<std::uint16_t>(objsubid));
        ASSERT_EQ(key.has_value(), objsubid == 1 || objsubid == 2) << objsubid;
    }
}

TEST(lock_key, prints_as_pg_locks_shows_it) {
    EXPECT_EQ(to_string(42), "classid=0 objid=42 objsubid=1");
    EXPECT_EQ(to_string(-1), "classid=4294967295 objid=4294967295 objsubid=1");
    EXPECT_EQ(to_string(least_bigint), "classid=2147483648 objid=0 objsubid=1");
    EXPECT_EQ(to_string({-1, 5}), "classid=4294967295 objid=5 objsubid=2");
    std::ostringstream out;
    out << lock_key(1, 2);
    EXPECT_EQ(out.str(), "classid=1 objid=2 objsubid=2");
}

TEST(lock_key, reads_in_sql_as_the_functions_take_it) {
    EXPECT_EQ(to_sql(42), "42");
    EXPECT_EQ(to_sql(least_bigint), "-9223372036854775808");
    EXPECT_EQ(to_sql({-1, 5}), "-1, 5");
    EXPECT_EQ(to_sql({least_integer, greatest_integer}), "-2147483648, 2147483647");
}

TEST(parse_key, reads_back_what_to_string_prints) {
    for (const lock_key key : edges) {
        EXPECT_EQ(parse_key(to_string(key)), key);
    }
    std::mt19937_64 random(2);
    for (int i = 0; i < 10'000; ++i) {
        const lock_key key = random_key(random);
        ASSERT_EQ(parse_key(to_string(key)), key) << key;
    }
}

TEST(parse_key, refuses_what_is_nearly_a_key) {
    constexpr std::array<std::string_view, 21> nearly{{
        "",
        "classid",
        "classid=",
        "classid=0 objid=42",
        "classid=0 objid=42 objsubid=",
        "classid=0 objid=42 objsubid=0",
        "classid=0 objid=42 objsubid=3",
        "classid=0 objid=42 objsubid=65537",
        "classid=4294967296 objid=42 objsubid=1",
        "classid=0 objid=4294967296 objsubid=1",
        "classid=-1 objid=42 objsubid=1",
        "classid=+1 objid=42 objsubid=1",
        "classid=0x1 objid=42 objsubid=1",
        "classid=0  objid=42 objsubid=1",
        " classid=0 objid=42 objsubid=1",
        "classid=0 objid=42 objsubid=1 ",
        "classid=0 objid=42 objsubid=1\n",
        "CLASSID=0 objid=42 objsubid=1",
        "objid=42 classid=0 objsubid=1",
        "classid=0 objid=007 objsubid=1",
        "42",
    }};
    for (const std::string_view text : nearly) {
        EXPECT_EQ(parse_key(text), std::nullopt) << text;
    }
    EXPECT_EQ(parse_key(std::string_view("classid=0 objid=42 objsubid=1\0", 30)), std::nullopt);
}

/// What is read is exactly what would be printed, so that text and key stand for each other.
void expect_refused_or_read_exactly(const std::string& text) {
    if (const auto key = parse_key(text)) {
        ASSERT_EQ(to_string(*key), text);
    }
}

TEST(parse_key, reads_nothing_from_ten_thousand_random_strings_that_it_would_not_print) {
    std::mt19937_64 random(3);
    constexpr std::string_view letters = "classid=objsub 0123456789-+\t\n\0";
    for (int i = 0; i < 10'000; ++i) {
        std::string text(random() % 48, '\0');
        const bool any_byte = random() % 2 == 0;
        for (char& c : text) {
            c = any_byte ? static_cast<char>(random() % 256) : letters[random() % letters.size()];
        }
        ASSERT_NO_FATAL_FAILURE(expect_refused_or_read_exactly(text));
    }
}

TEST(parse_key, reads_nothing_from_ten_thousand_damaged_keys_that_it_would_not_print) {
    std::mt19937_64 random(4);
    constexpr std::string_view inserted = "0123456789 =-clasidobju\n\0";
    int read = 0;
    int refused = 0;
    for (int i = 0; i < 10'000; ++i) {
        std::string text = to_string(random_key(random));
        for (auto changes = 1 + random() % 3; changes > 0 && !text.empty(); --changes) {
            const std::size_t at = random() % text.size();
            switch (random() % 4) {
            case 0:
                text[at] = inserted[random() % inserted.size()];
                break;
            case 1:
                text.insert(at, 1, inserted[random() % inserted.size()]);
                break;
            case 2:
                text.erase(at, 1);
                break;
            default:
                text.resize(at);
                text += 'x';
                break;
            }
        }
        ASSERT_NO_FATAL_FAILURE(expect_refused_or_read_exactly(text));
        ++(parse_key(text) ? read : refused);
    }
    EXPECT_GT(read, 100) << "no damage left a key: the test looks at refusals alone";
    EXPECT_GT(refused, 1'000);
}

template <class T>
concept makes_a_key = requires(T value) { lock_key(value); };
template <class T>
concept converts_to_a_key = std::convertible_to<T, lock_key>;
template <class T, class U>
concept makes_a_pair = requires(T first, U second) { lock_key(first, second); };
enum unscoped : std::uint8_t { enumerator };
enum class scoped : std::uint8_t { enumerator };

TEST(lock_key, is_made_of_any_integer_that_fits) {
    static_assert(converts_to_a_key<std::int64_t> && converts_to_a_key<int> && converts_to_a_key<short>);
    static_assert(converts_to_a_key<signed char> && converts_to_a_key<std::uint8_t>);
    static_assert(converts_to_a_key<std::uint32_t> && converts_to_a_key<long long>);
    static_assert(makes_a_pair<int, int> && makes_a_pair<std::int16_t, std::uint16_t>);
    static_assert(lock_key(std::numeric_limits<std::uint32_t>::max()).bits() == 4294967295);
}

TEST(lock_key, is_not_made_of_what_is_no_signed_64_bit_integer) {
    static_assert(!makes_a_key<std::uint64_t> && !makes_a_key<std::size_t> &&
                  !makes_a_key<unsigned long long>);
    static_assert(!makes_a_key<bool> && !makes_a_key<char> && !makes_a_key<wchar_t>);
    static_assert(!makes_a_key<char8_t> && !makes_a_key<char16_t> && !makes_a_key<char32_t>);
    static_assert(!makes_a_key<float> && !makes_a_key<double> && !makes_a_key<long double>);
    static_assert(!makes_a_key<std::nullptr_t> && !makes_a_key<const char*> && !makes_a_key<scoped>);
    static_assert(!makes_a_key<std::string> && !std::default_initializable<lock_key>);
    static_assert(!converts_to_a_key<std::uint64_t> && !converts_to_a_key<bool> &&
                  !converts_to_a_key<double>);
}

TEST(lock_key, is_not_made_of_a_pair_with_a_half_that_is_no_signed_32_bit_integer) {
    static_assert(!makes_a_pair<std::int64_t, int> && !makes_a_pair<int, std::int64_t>);
    static_assert(!makes_a_pair<std::uint32_t, int> && !makes_a_pair<int, std::uint32_t>);
    static_assert(!makes_a_pair<bool, int> && !makes_a_pair<int, char> && !makes_a_pair<double, int>);
    static_assert(!makes_a_pair<std::nullptr_t, int> && !makes_a_pair<const char*, int>);
}

TEST(lock_key, of_an_unscoped_enumeration_is_cast_by_whoever_means_it) {
    static_assert(!makes_a_key<unscoped> && makes_a_key<std::underlying_type_t<unscoped>>);
}

} // namespace
