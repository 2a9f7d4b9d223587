// SPDX-License-Identifier: BSL-1.0

#include <pglocks/postgres/functions.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using pglocks::key_space;
using pglocks::lock_kind;
namespace postgres = pglocks::postgres;
using postgres::function;
using postgres::function_index;
using postgres::functions;
using postgres::operation;

struct combination {
    operation what;
    lock_kind kind;
    key_space space;
};

/// Everything that can be asked for.
std::vector<combination> combinations() {
    std::vector<combination> all;
    for (const auto what : {operation::lock, operation::try_lock, operation::unlock}) {
        for (const bool at_transaction_level : {false, true}) {
            for (const bool shared : {false, true}) {
                for (const auto space : {key_space::bigint, key_space::integer_pair}) {
                    if (what != operation::unlock || !at_transaction_level) {
                        all.push_back({what, {at_transaction_level, shared}, space});
                    }
                }
            }
        }
    }
    return all;
}

const function& found(const combination& c) { return functions.at(function_index(c.what, c.kind, c.space)); }

TEST(function_index, leads_to_the_function_whose_name_says_what_was_asked_for) {
    for (const auto& c : combinations()) {
        std::string name = c.what == operation::try_lock ? "pg_try_advisory" : "pg_advisory";
        name += c.kind.ends_with_transaction ? "_xact" : "";
        name += c.what == operation::unlock ? "_unlock" : "_lock";
        name += c.kind.shared ? "_shared" : "";
        EXPECT_EQ(found(c).name, name);
        EXPECT_EQ(found(c).space, c.space) << name;
    }
}

TEST(function_index, reaches_every_function_once) {
    std::set<std::size_t> reached;
    for (const auto& c : combinations()) {
        EXPECT_TRUE(reached.insert(function_index(c.what, c.kind, c.space)).second);
    }
    EXPECT_EQ(reached.size(), functions.size());
}

TEST(functions, have_the_oids_of_postgresqls_catalogue) {
    // PostgreSQL 15, `select oid, proname, proargtypes from pg_proc`.
    const std::set<std::tuple<unsigned, std::string_view, std::string_view>> of_the_catalogue{
        {2880, "pg_advisory_lock", "20"},
        {2881, "pg_advisory_lock_shared", "20"},
        {2882, "pg_try_advisory_lock", "20"},
        {2883, "pg_try_advisory_lock_shared", "20"},
        {2884, "pg_advisory_unlock", "20"},
        {2885, "pg_advisory_unlock_shared", "20"},
        {2886, "pg_advisory_lock", "23 23"},
        {2887, "pg_advisory_lock_shared", "23 23"},
        {2888, "pg_try_advisory_lock", "23 23"},
        {2889, "pg_try_advisory_lock_shared", "23 23"},
        {2890, "pg_advisory_unlock", "23 23"},
        {2891, "pg_advisory_unlock_shared", "23 23"},
        {3089, "pg_advisory_xact_lock", "20"},
        {3090, "pg_advisory_xact_lock_shared", "20"},
        {3091, "pg_try_advisory_xact_lock", "20"},
        {3092, "pg_try_advisory_xact_lock_shared", "20"},
        {3093, "pg_advisory_xact_lock", "23 23"},
        {3094, "pg_advisory_xact_lock_shared", "23 23"},
        {3095, "pg_try_advisory_xact_lock", "23 23"},
        {3096, "pg_try_advisory_xact_lock_shared", "23 23"}};
    std::set<std::tuple<unsigned, std::string_view, std::string_view>> ours;
    for (const function& f : functions) {
        ours.emplace(f.oid, f.name, f.space == key_space::bigint ? "20" : "23 23");
    }
    EXPECT_EQ(ours, of_the_catalogue);
    EXPECT_TRUE(std::is_sorted(functions.begin(), functions.end(),
                               [](const function& a, const function& b) { return a.oid < b.oid; }));
}

TEST(functions, are_listed_for_the_servers_answer_in_the_order_of_their_oids) {
    const std::string signatures = postgres::function_signatures();
    EXPECT_TRUE(
        signatures.starts_with("2880 pg_advisory_lock 20,2881 pg_advisory_lock_shared 20,2882 pg_try"));
    EXPECT_TRUE(signatures.ends_with(",3096 pg_try_advisory_xact_lock_shared 23 23"));
    const std::string oids = postgres::function_oids();
    EXPECT_TRUE(oids.starts_with("2880,2881,") && oids.ends_with(",3095,3096")) << oids;
    EXPECT_EQ(std::count(oids.begin(), oids.end(), ','), 19);
}

/// All texts, with the function that each is about.
std::vector<std::pair<const function*, std::string>> texts() {
    std::vector<std::pair<const function*, std::string>> all;
    for (std::size_t i = 0; i < functions.size(); ++i) {
        all.emplace_back(&functions[i], postgres::plain_call(i).c_str());
        all.emplace_back(&functions[i], postgres::bounded_call(i).c_str());
        all.emplace_back(&functions[i], postgres::restoring_call(i).c_str());
    }
    return all;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$'; }

/// The words and signs of an SQL text; a literal counts as one sign.
std::vector<std::string> tokens(std::string_view sql) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < sql.size();) {
        std::size_t end = at + 1;
        if (sql[at] == '\'') {
            end = sql.find('\'', at + 1) + 1;
            all.emplace_back("'...'");
        } else if (is_word(sql[at])) {
            while (end < sql.size() && is_word(sql[end])) {
                ++end;
            }
            all.emplace_back(sql.substr(at, end - at));
        } else if (sql[at] != ' ') {
            all.emplace_back(1, sql[at]);
        }
        at = end;
    }
    return all;
}

TEST(texts_of_calls, call_qualified_functions_alone) {
    const std::set<std::string_view> keywords_before_a_parenthesis{"materialized", "then", "when"};
    for (const auto& [f, text] : texts()) {
        const auto words = tokens(text);
        int calls = 0;
        for (std::size_t i = 1; i < words.size(); ++i) {
            if (words[i] != "(" || !is_word(words[i - 1].front()) ||
                keywords_before_a_parenthesis.contains(words[i - 1])) {
                continue;
            }
            ++calls;
            ASSERT_GE(i, 3U) << text;
            EXPECT_EQ(words[i - 2], ".") << text;
            EXPECT_EQ(words[i - 3], "pg_catalog") << text;
        }
        EXPECT_GE(calls, 1) << text;
        EXPECT_NE(text.find("pg_catalog." + std::string(f->name) + '('), std::string::npos) << text;
    }
}

TEST(texts_of_calls, name_types_by_the_words_of_the_grammar) {
    const std::set<std::string_view> grammar{"bigint", "integer"};
    for (const auto& [f, text] : texts()) {
        const auto words = tokens(text);
        int casts = 0;
        for (std::size_t i = 2; i < words.size(); ++i) {
            if (words[i - 2] == ":" && words[i - 1] == ":") {
                ++casts;
                EXPECT_TRUE(grammar.contains(words[i])) << text;
            }
        }
        EXPECT_EQ(casts, f->space == key_space::bigint ? 1 : 2) << text;
    }
}

TEST(texts_of_calls, have_no_operator_that_a_search_path_could_capture) {
    const std::set<std::string_view> hidden_operators{"in",   "between", "like", "similar", "distinct",
                                                      "int8", "int4",    "any",  "some",    "all"};
    for (const auto& [f, text] : texts()) {
        for (const std::string& word : tokens(text)) {
            EXPECT_FALSE(hidden_operators.contains(word)) << text;
            EXPECT_EQ(word.find_first_of("=<>+-*/~!@#%^&|`?;\""), std::string::npos) << text;
        }
    }
}

TEST(texts_of_calls, take_the_key_last_and_every_parameter_once) {
    for (std::size_t i = 0; i < functions.size(); ++i) {
        const int key_parameters = functions[i].space == key_space::bigint ? 1 : 2;
        const auto expect_parameters = [](const char* text, int most) {
            const auto words = tokens(text);
            for (int number = 1; number <= 4; ++number) {
                EXPECT_EQ(std::count(words.begin(), words.end(), '$' + std::to_string(number)),
                          number <= most ? 1 : 0)
                    << text;
            }
        };
        expect_parameters(postgres::plain_call(i).c_str(), key_parameters);
        expect_parameters(postgres::bounded_call(i).c_str(), 1 + key_parameters);
        expect_parameters(postgres::restoring_call(i).c_str(), 1 + key_parameters);
    }
}

TEST(texts_of_calls, are_whole) {
    for (std::size_t i = 0; i < functions.size(); ++i) {
        const auto is_whole = [](const auto& text) {
            const std::string_view c_string = text.c_str();
            return c_string.size() == text.size && text.size < text.text.size() &&
                   std::count(c_string.begin(), c_string.end(), '(') ==
                       std::count(c_string.begin(), c_string.end(), ')');
        };
        EXPECT_TRUE(is_whole(postgres::plain_call(i)));
        EXPECT_TRUE(is_whole(postgres::bounded_call(i)));
        EXPECT_TRUE(is_whole(postgres::restoring_call(i)));
    }
}

TEST(texts_of_calls, read_as_the_manual_writes_them) {
    const auto call = [](operation what, lock_kind kind, key_space space) {
        return std::string(postgres::plain_call(function_index(what, kind, space)).c_str());
    };
    EXPECT_EQ(call(operation::lock, {}, key_space::bigint), "select pg_catalog.pg_advisory_lock($1::bigint)");
    EXPECT_EQ(
        call(operation::try_lock, {.ends_with_transaction = true, .shared = true}, key_space::integer_pair),
        "select pg_catalog.pg_try_advisory_xact_lock_shared($1::integer, $2::integer)");
}

} // namespace
