// SPDX-License-Identifier: BSL-1.0

#include <pglocks/interop/interop.hpp>
#include <pglocks/key_of.hpp>
#include <pglocks/name.hpp>
#include <pglocks/name_set.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace pglocks::literals;
using pglocks::key_of;
using pglocks::lock_key;
using pglocks::name_constant;
using pglocks::name_set;
using pglocks::rule::lock_name;

TEST(name_constant, keeps_the_text_of_its_literal) {
    constexpr auto name = "nightly-report"_lock;
    static_assert(decltype(name)::value == "nightly-report");
    static_assert(std::same_as<std::remove_cv_t<decltype(name)>, name_constant<"nightly-report">>);
    static_assert(sizeof(name) == 1);
}

TEST(name_constant, of_two_literals_is_one_type_only_if_they_are_equal) {
    static_assert(std::same_as<decltype("a"_lock), decltype("a"_lock)>);
    static_assert(!std::same_as<decltype("a"_lock), decltype("b"_lock)>);
    static_assert(!std::same_as<decltype("a"_lock), decltype("a\0"_lock)>);
}

template <class Name>
constexpr std::string_view innermost(Name&& /*name*/) {
    return std::remove_cvref_t<Name>::value;
}
template <class Name>
constexpr std::string_view forwarded(Name&& name) {
    return innermost(std::forward<Name>(name));
}

TEST(name_constant, keeps_its_text_when_it_is_forwarded) {
    static_assert(forwarded("nightly-report"_lock) == "nightly-report");
    constexpr auto name = "invoice:17"_lock;
    static_assert(forwarded(name) == "invoice:17");
    static_assert(lock_name<std::remove_cvref_t<decltype(name)>>);
}

TEST(name_constant, holds_the_bytes_of_a_utf_8_literal) {
    constexpr auto name = "漢字"_lock;
    static_assert(decltype(name)::value.size() == 6);
    static_assert(key_of<>(decltype(name)::value) == lock_key(5510981731381295353));
}

TEST(name_constant, may_be_empty) {
    constexpr auto name = ""_lock;
    static_assert(decltype(name)::value.empty());
    static_assert(key_of<>(decltype(name)::value) == lock_key(-6939563903564495251));
}

TEST(name_constant, holds_a_nul_byte_of_its_literal_and_does_not_end_there) {
    static_assert(decltype("a\0b"_lock)::value == std::string_view("a\0b", 3));
}

struct named_thing {
    std::string text;
    operator std::string_view() const { return text; }
};

TEST(lock_name, is_a_constant_or_whatever_converts_to_a_string_view) {
    static_assert(lock_name<std::string> && lock_name<std::string_view> && lock_name<const char*>);
    static_assert(lock_name<char[6]> && lock_name<named_thing> && lock_name<name_constant<"x">>);
}

TEST(lock_name, is_no_number_null_pointer_or_wide_string) {
    static_assert(!lock_name<int> && !lock_name<std::nullptr_t> && !lock_name<std::nullopt_t>);
    static_assert(!lock_name<std::wstring> && !lock_name<char> && !lock_name<lock_key>);
}

using locks = name_set<pglocks::hash::postgres<>, "nightly-report", "invoices", "漢字", "">;

TEST(name_set, knows_its_names_and_no_others) {
    static_assert(locks::size == 4);
    static_assert(locks::contains("invoices") && locks::contains("漢字") && locks::contains(""));
    static_assert(!locks::contains("invoice") && !locks::contains("invoices "));
    static_assert(locks::names[0] == "nightly-report" && locks::names[3].empty());
}

TEST(name_set, has_the_key_of_each_name_in_the_names_order) {
    for (std::size_t i = 0; i < locks::size; ++i) {
        EXPECT_EQ(locks::keys[i], key_of<pglocks::hash::postgres<>>(locks::names[i]));
    }
}

TEST(name_set, finds_the_name_of_a_key) {
    static_assert(locks::name_of(key_of<>("invoices")) == "invoices");
    static_assert(locks::name_of(key_of<>("")) == "");
    static_assert(locks::name_of(key_of<>("elsewhere")) == std::nullopt);
    // The same bits in the other key space are another key.
    static_assert(locks::name_of(lock_key::from_bits(key_of<>("invoices").bits(),
                                                     pglocks::key_space::integer_pair)) == std::nullopt);
}

template <class Set, pglocks::fixed_string Wanted>
concept has_name = requires { Set::template name<Wanted>; };

TEST(name_set, gives_its_names_as_constants_and_refuses_others_at_compile_time) {
    static_assert(has_name<locks, "invoices"> && has_name<locks, ""> && !has_name<locks, "invoice">);
    static_assert(std::same_as<decltype(locks::name<"invoices">), const name_constant<"invoices">>);
}

TEST(name_set, may_be_of_another_stateless_hash_but_of_none_that_needs_a_value_or_takes_no_names) {
    using legacy = name_set<pglocks::interop::django_pglocks, "hello", "test">;
    static_assert(legacy::name_of(907060870) == "hello");
    static_assert(pglocks::rule::hash_of_a_set<pglocks::hash::in_namespace<7>> &&
                  pglocks::rule::hash_of_a_set<pglocks::hash::fnv1a>);
    static_assert(!pglocks::rule::hash_of_a_set<pglocks::hash::siphash> &&
                  !pglocks::rule::hash_of_a_set<pglocks::hash::none>);
}

TEST(name_set, may_be_empty_or_of_one_name) {
    using none = name_set<pglocks::hash::postgres<>>;
    static_assert(none::size == 0 && !none::contains("") && none::name_of(0) == std::nullopt);
    using one = name_set<pglocks::hash::postgres<>, "only">;
    static_assert(one::size == 1 && one::contains("only"));
}

TEST(name_set, holds_two_names_that_another_hash_would_give_one_key) {
    // CRC-32 is 32 bits wide, and "plumless" and "buckeroo" are its best known collision.
    static_assert(key_of<pglocks::interop::django_pglocks>("plumless") ==
                  key_of<pglocks::interop::django_pglocks>("buckeroo"));
    using wide = name_set<pglocks::hash::postgres<>, "plumless", "buckeroo">;
    static_assert(wide::keys[0] != wide::keys[1]);
}

} // namespace
