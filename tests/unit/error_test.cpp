// SPDX-License-Identifier: BSL-1.0

#include <pglocks/error.hpp>

#include <gtest/gtest.h>
#include <soci/error.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using pglocks::failure;
using pglocks::lock_error;
using pglocks::lock_key;

std::string text_of(failure f, std::string_view name = {}) { return lock_error(std::move(f), name).what(); }

const failure everything{.what = "deadlock detected while waiting",
                         .sqlstate = "40P01",
                         .message = "deadlock detected",
                         .detail = "Process 71 waits for process 70.",
                         .advice = "roll back, then retry",
                         .key = lock_key(42)};

TEST(lock_error, says_what_happened_on_which_lock_what_postgresql_said_and_what_to_do) {
    EXPECT_EQ(
        text_of(everything, "nightly-report"),
        "pglocks: deadlock detected while waiting, lock \"nightly-report\", key 42 (pg_locks: classid=0 "
        "objid=42 objsubid=1): deadlock detected (Process 71 waits for process 70.) [SQLSTATE 40P01]; "
        "roll back, then retry");
}

TEST(lock_error, leaves_out_what_is_not_known) {
    EXPECT_EQ(text_of({.what = "it failed"}), "pglocks: it failed");
    EXPECT_EQ(text_of({.what = "it failed"}, "job"), "pglocks: it failed, lock \"job\"");
    EXPECT_EQ(text_of({.what = "it failed"}, "a  b"), "pglocks: it failed, lock \"a  b\"");
    EXPECT_EQ(text_of({.what = "it failed", .key = lock_key(-1, 5)}),
              "pglocks: it failed, lock key -1, 5 (pg_locks: classid=4294967295 objid=5 objsubid=2)");
    EXPECT_EQ(text_of({.what = "it failed", .key = lock_key(7)}, "job"),
              "pglocks: it failed, lock \"job\", key 7 (pg_locks: classid=0 objid=7 objsubid=1)");
    EXPECT_EQ(text_of({.what = "it failed", .message = "no"}), "pglocks: it failed: no");
    EXPECT_EQ(text_of({.what = "it failed", .detail = "since"}), "pglocks: it failed (since)");
    EXPECT_EQ(text_of({.what = "it failed", .sqlstate = "57014"}), "pglocks: it failed [SQLSTATE 57014]");
    EXPECT_EQ(text_of({.what = "it failed", .advice = "try again"}), "pglocks: it failed; try again");
}

TEST(lock_error, is_one_line_also_of_what_the_server_says_in_several) {
    const auto line_breaks = [](const std::string& text) {
        return std::count(text.begin(), text.end(), '\n');
    };
    const std::string lost = text_of({.what = "the connection was lost",
                                      .message = "server closed the connection unexpectedly\n\tThis probably "
                                                 "means that it terminated abnormally\n",
                                      .advice = "reconnect"});
    EXPECT_EQ(line_breaks(lost), 0) << lost;
    EXPECT_TRUE(lost.ends_with("reconnect")) << lost;
    const std::string deadlock = text_of(
        {.what = "deadlock detected", .detail = "Process 71 waits for 70.\nProcess 70 waits for 71."});
    EXPECT_EQ(line_breaks(deadlock), 0) << deadlock;
    EXPECT_NE(deadlock.find("Process 70 waits for 71."), std::string::npos) << deadlock;
}

TEST(lock_error, says_what_to_do_also_about_a_name_with_a_nul_byte) {
    const std::string text = text_of({.what = "it failed", .advice = "see accepts()"}, {"a\0b", 3});
    EXPECT_TRUE(text.ends_with("; see accepts()")) << text;
}

TEST(lock_error, gives_its_parts_one_by_one) {
    const lock_error error(everything, "nightly-report");
    EXPECT_EQ(error.sqlstate(), "40P01");
    EXPECT_EQ(error.message(), "deadlock detected");
    EXPECT_EQ(error.detail(), "Process 71 waits for process 70.");
    EXPECT_EQ(error.advice(), "roll back, then retry");
    EXPECT_EQ(error.key(), lock_key(42));
    EXPECT_EQ(error.name(), "nightly-report");
}

TEST(lock_error, is_told_later_which_lock_it_is_about) {
    lock_error error({.what = "it failed"});
    error.add_lock(42, "job");
    EXPECT_EQ(error.key(), lock_key(42));
    EXPECT_EQ(error.name(), "job");
    EXPECT_STREQ(error.what(), text_of({.what = "it failed", .key = lock_key(42)}, "job").c_str());
}

TEST(lock_error, is_told_later_what_was_found_out) {
    lock_error error({.what = "it failed", .detail = "A waits for B"});
    error.add_detail("B is in bed");
    EXPECT_STREQ(error.what(), "pglocks: it failed (A waits for B; B is in bed)");
    lock_error without_detail({.what = "it failed"});
    without_detail.add_detail("B is in bed");
    EXPECT_EQ(without_detail.detail(), "B is in bed");
}

TEST(lock_error, keeps_the_lock_that_it_was_thrown_with) {
    lock_error error({.what = "it failed", .key = lock_key(1)}, "first");
    error.add_lock(2, "second");
    EXPECT_EQ(error.key(), lock_key(1));
    EXPECT_EQ(error.name(), "first");
    lock_error without_name({.what = "it failed", .key = lock_key(1)});
    without_name.add_lock(2, "second");
    EXPECT_EQ(without_name.key(), lock_key(1));
    EXPECT_EQ(without_name.name(), "second");
}

TEST(lock_error, is_caught_as_an_error_of_soci_and_of_the_standard_library) {
    const auto thrown_as = []<class Base>(std::type_identity<Base>) {
        try {
            throw pglocks::deadlock_detected(everything, "job");
        } catch (const Base& error) {
            return std::string(error.what());
        }
    };
    const std::string text = text_of(everything, "job");
    EXPECT_EQ(thrown_as(std::type_identity<lock_error>{}), text);
    EXPECT_EQ(thrown_as(std::type_identity<soci::soci_error>{}), text);
    EXPECT_EQ(thrown_as(std::type_identity<std::exception>{}), text);
}

template <class Error>
class member_of_the_family : public testing::Test {};
using family = testing::Types<pglocks::deadlock_detected, pglocks::connection_lost, pglocks::not_held,
                              pglocks::lock_table_full, pglocks::refused>;
struct family_names {
    template <class Error>
    static std::string GetName(int) {
        if constexpr (std::is_same_v<Error, pglocks::deadlock_detected>) {
            return "deadlock_detected";
        } else if constexpr (std::is_same_v<Error, pglocks::connection_lost>) {
            return "connection_lost";
        } else if constexpr (std::is_same_v<Error, pglocks::not_held>) {
            return "not_held";
        } else if constexpr (std::is_same_v<Error, pglocks::lock_table_full>) {
            return "lock_table_full";
        } else {
            return "refused";
        }
    }
};
TYPED_TEST_SUITE(member_of_the_family, family, family_names);

TYPED_TEST(member_of_the_family, is_a_lock_error_with_all_its_parts) {
    static_assert(std::is_base_of_v<lock_error, TypeParam> && std::is_base_of_v<soci::soci_error, TypeParam>);
    const TypeParam error(everything, "job");
    EXPECT_STREQ(error.what(), text_of(everything, "job").c_str());
    EXPECT_EQ(error.sqlstate(), "40P01");
}

TYPED_TEST(member_of_the_family, is_copied_whole) {
    static_assert(std::is_copy_constructible_v<TypeParam> && std::is_copy_assignable_v<TypeParam>);
    TypeParam copy({.what = "another"});
    {
        const TypeParam original(everything, "job");
        copy = original;
    }
    EXPECT_STREQ(copy.what(), text_of(everything, "job").c_str());
    EXPECT_EQ(copy.key(), lock_key(42));
    std::exception_ptr kept = std::make_exception_ptr(copy);
    EXPECT_THROW(std::rethrow_exception(kept), TypeParam);
}

TYPED_TEST(member_of_the_family, is_caught_as_no_other_member) {
    const auto is_caught_as = []<class Other>(std::type_identity<Other>) {
        try {
            throw TypeParam({.what = "it failed"});
        } catch (const Other&) {
            return true;
        } catch (const lock_error&) {
            return false;
        }
    };
    const int caught = is_caught_as(std::type_identity<pglocks::deadlock_detected>{}) +
                       is_caught_as(std::type_identity<pglocks::connection_lost>{}) +
                       is_caught_as(std::type_identity<pglocks::not_held>{}) +
                       is_caught_as(std::type_identity<pglocks::lock_table_full>{}) +
                       is_caught_as(std::type_identity<pglocks::refused>{});
    EXPECT_EQ(caught, 1);
}

TEST(lock_error, keeps_a_name_that_ended_before_it) {
    std::optional<lock_error> error;
    {
        const std::string name = "a name that is longer than any small string's room";
        error.emplace(failure{.what = "it failed"}, name);
    }
    EXPECT_EQ(error->name(), "a name that is longer than any small string's room");
}

} // namespace
