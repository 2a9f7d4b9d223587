// SPDX-License-Identifier: BSL-1.0
// Keys of random names, computed by programs in the other languages, with the languages' own digests, and by
// ours.
#include <pglocks/hash/fnv.hpp>
#include <pglocks/hash/utf8.hpp>
#include <pglocks/interop/interop.hpp>
#include <pglocks/key_of.hpp>

#include "support/child_process.hpp"
#include "support/guarded_directory.hpp"
#include "unit/random_bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace pglocks::test {
namespace {

constexpr auto patience = std::chrono::minutes(5);
constexpr int names = golden::random_inputs;

using derivation = std::function<std::string(std::string_view)>;

template <class Hash>
std::string key_by(std::string_view name) {
    return to_sql(key_of<Hash>(name));
}

/// As PHP's hash() prints it.
template <class Number>
std::string in_hex(Number number) {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%0*llx", static_cast<int>(2 * sizeof(number)),
                  static_cast<unsigned long long>(number));
    return text.data();
}

/// Text of all planes of Unicode, in UTF-8.
std::string random_text(golden::random_bytes& random) {
    std::string text;
    do {
        text = golden::nearly_utf8(random);
    } while (!digest::is_utf8(text));
    return text;
}

/// Runs the program, with a file of names as its first argument, and compares what it prints with ours.
void expect_the_same(std::vector<std::string> command, const std::map<std::string, derivation>& ours,
                     const std::function<std::string(golden::random_bytes&)>& next_name,
                     const std::vector<std::string>& further = {}) {
    const guarded_directory directory;
    std::filesystem::create_directory(directory.data());
    const std::string file = directory.data() / "names";
    golden::random_bytes random;
    std::vector<std::string> all;
    {
        std::ofstream out(file);
        for (int i = 0; i < names; ++i) {
            all.push_back(i == 0 ? std::string() : next_name(random)); // the empty name, too
            for (const char c : all.back()) {
                out << in_hex(static_cast<std::uint8_t>(c));
            }
            out << '\n';
        }
    }
    command.push_back(file);
    command.insert(command.end(), further.begin(), further.end());
    const auto theirs = run(command, {}, patience);
    ASSERT_EQ(theirs.status, exit_status{}) << theirs.errors;

    std::istringstream lines(theirs.output);
    std::string line;
    std::vector<std::string> columns;
    std::getline(lines, line);
    for (std::istringstream words(line); std::getline(words, line, '\t');) {
        ASSERT_TRUE(ours.contains(line)) << line;
        columns.push_back(line);
    }
    ASSERT_EQ(columns.size(), ours.size());
    for (const std::string& name : all) {
        ASSERT_TRUE(std::getline(lines, line));
        std::istringstream words(line);
        for (const std::string& column : columns) {
            std::string key;
            std::getline(words, key, '\t');
            ASSERT_EQ(ours.at(column)(name), key) << column << " of \"" << name << '"';
        }
    }
    EXPECT_FALSE(std::getline(lines, line)) << line;
}

std::string script(const std::string& name) { return PGLOCKS_INTEROP_DIR "/" + name; }

TEST(derivations, of_ruby_are_the_same_on_random_bytes) {
    expect_the_same({"ruby", script("derivations.rb")},
                    {{"with_advisory_lock", key_by<interop::with_advisory_lock<>>},
                     {"rails_migration", key_by<interop::rails_migration>},
                     {"good_job",
                      [](std::string_view name) {
                          return std::to_string(interop::good_job::key_of(name)); // also with a NUL byte
                      }},
                     {"heroku_pg_lock", key_by<interop::heroku_pg_lock>}},
                    [](golden::random_bytes& random) { return random(40); });
}

TEST(derivations, of_php_and_its_fnv_are_the_same_on_random_bytes) {
    expect_the_same({"php", script("derivations.php")},
                    {{"symfony", key_by<interop::symfony>},
                     {"fnv1_32", [](std::string_view name) { return in_hex(digest::fnv1_32(name)); }},
                     {"fnv1_64", [](std::string_view name) { return in_hex(digest::fnv1_64(name)); }},
                     {"fnv1a_64", [](std::string_view name) { return in_hex(digest::fnv1a_64(name)); }}},
                    [](golden::random_bytes& random) { return random(40); });
}

TEST(derivations, of_python_and_javas_hash_code_are_the_same_on_random_text) {
    expect_the_same({"python3", script("derivations.py")},
                    {{"django_pglocks", key_by<interop::django_pglocks>},
                     {"django_pglocks2", key_by<interop::django_pglocks2>},
                     {"django_pglock", key_by<interop::django_pglock>},
                     {"pals", key_by<interop::pals<>>},
                     {"postgresql_lock", key_by<interop::postgresql_lock>},
                     {"flyway", key_by<interop::flyway>}},
                    random_text);
}

TEST(derivations, of_the_npm_package_are_the_same_on_random_text) {
    expect_the_same({"node", script("derivations.cjs")},
                    {{"advisory_lock_js", key_by<interop::advisory_lock_js>}}, random_text,
                    {PGLOCKS_NODE_DIR});
}

} // namespace
} // namespace pglocks::test
