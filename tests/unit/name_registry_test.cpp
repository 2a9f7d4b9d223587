// SPDX-License-Identifier: BSL-1.0
// Keys are turned back into the names that are known.
#include <pglocks/inspect/describe.hpp>
#include <pglocks/inspect/name_registry.hpp>
#include <pglocks/interop/python.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using pglocks::key_of;
using pglocks::lock_info;
using pglocks::lock_key;
using pglocks::name_registry;

using locks = pglocks::name_set<pglocks::hash::postgres<>, "nightly-report", "invoices">;

std::vector<std::string> names_of(const name_registry& names, lock_key key) {
    const auto found = names.names_of(key);
    return {found.begin(), found.end()};
}

TEST(name_registry, knows_the_names_of_sets_and_those_of_run_time) {
    name_registry names;
    EXPECT_TRUE(names.empty());
    const std::string name = "customer:17";
    names.add_set<locks>().add(name).add<pglocks::interop::django_pglocks>(name);
    const pglocks::hash::siphash keyed(std::array<std::uint8_t, 16>{});
    names.add("secret", keyed);
    EXPECT_EQ(names_of(names, key_of("nightly-report")), std::vector<std::string>{"nightly-report"});
    EXPECT_EQ(names_of(names, key_of<pglocks::interop::django_pglocks>(name)), std::vector{name});
    EXPECT_EQ(names_of(names, key_of(name)), std::vector{name});
    EXPECT_EQ(names_of(names, key_of("secret", keyed)), std::vector<std::string>{"secret"});
    EXPECT_TRUE(names.names_of(key_of("unknown")).empty());
}

TEST(name_registry, tells_every_name_of_a_key_once) {
    name_registry names;
    names.add(7, "first").add(7, "second").add(7, "first").add({0, 7}, "a pair");
    EXPECT_EQ(names_of(names, 7), (std::vector<std::string>{"first", "second"}));
    EXPECT_EQ(names.label(7), "\"first\" or \"second\"");
    EXPECT_EQ(names.label({0, 7}), "\"a pair\"");
    EXPECT_EQ(names.label({-1, 7}), "-1, 7") << "a key without a name stands for itself";
}

TEST(name_registry, refuses_a_name_that_its_hash_refuses) {
    name_registry names;
    EXPECT_THROW(names.add(std::string("a\0b", 3)), pglocks::refused);
    EXPECT_TRUE(names.empty());
}

TEST(describe, spells_ages_in_their_two_largest_units) {
    const auto text = [](std::chrono::microseconds waited) {
        lock_info info;
        info.pid = 1;
        info.waiting_since = info.seen_at - waited;
        return describe(info);
    };
    EXPECT_EQ(text(8450ms), "exclusive, waited for by pid 1 for 8.4 s");
    EXPECT_EQ(text(59999ms), "exclusive, waited for by pid 1 for 59.9 s");
    EXPECT_EQ(text(312s), "exclusive, waited for by pid 1 for 5 min 12 s");
    EXPECT_EQ(text(3h + 12min + 59s), "exclusive, waited for by pid 1 for 3 h 12 min");
    EXPECT_EQ(text(51h + 59min), "exclusive, waited for by pid 1 for 2 d 3 h");
    EXPECT_EQ(text(-5s), "exclusive, waited for by pid 1 for 0.0 s") << "the server's clock was set back";
}

TEST(describe, of_many_locks_tells_the_first_five_and_how_many_more) {
    std::vector<lock_info> many(7);
    for (int i = 0; i < 7; ++i) {
        many[static_cast<std::size_t>(i)] = {.granted = true, .pid = i + 1};
    }
    const std::string text = pglocks::describe(many);
    EXPECT_TRUE(text.ends_with("held by pid 5; and 2 more")) << text;
    EXPECT_TRUE(pglocks::describe(std::vector<lock_info>{}).empty());
}

} // namespace
