// SPDX-License-Identifier: BSL-1.0
// What the library knows of the server's functions, checked against the server: OIDs, texts, and hashes.
#include "integration/lock_test.hpp"
#include "unit/random_bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using postgres::call_by_oid;
using postgres::call_by_query;
using postgres::function_index;
using postgres::functions;
using postgres::operation;
using postgres::plain_call;

class server_functions : public lock_test {
protected:
    static postgres::answer plainly(PGconn* conn, std::size_t function, lock_key key) noexcept {
        return call_by_query(conn, plain_call(function).c_str(), key);
    }
    static postgres::answer guardedly(PGconn* conn, std::size_t function, lock_key key) noexcept {
        const auto text = postgres::guarded(plain_call(function).view(), "");
        return call_by_query(conn, text.c_str(), key);
    }
    using caller = postgres::answer (*)(PGconn*, std::size_t, lock_key) noexcept;
    static constexpr std::array<std::pair<const char*, caller>, 3> ways{
        {{"by OID", &call_by_oid}, {"by query", &plainly}, {"by a guarded query", &guardedly}}};

    static constexpr std::array<lock_key, 6> keys{lock_key(0),         lock_key(-1),
                                                  lock_key(INT64_MIN), lock_key(INT64_MAX),
                                                  lock_key(-1, 2),     lock_key(INT32_MAX, INT32_MIN)};
    static constexpr std::array<lock_kind, 4> kinds{{{.ends_with_transaction = false, .shared = false},
                                                     {.ends_with_transaction = false, .shared = true},
                                                     {.ends_with_transaction = true, .shared = false},
                                                     {.ends_with_transaction = true, .shared = true}}};
};

TEST_F(server_functions, have_the_oids_names_and_arguments_that_the_library_knows) {
    for (const auto& f : functions) {
        const std::string arguments = f.space == key_space::bigint ? "bigint" : "integer, integer";
        EXPECT_EQ(look_.value("select ('pg_catalog." + std::string(f.name) + "(" + arguments +
                              ")'::regprocedure)::oid"),
                  std::to_string(f.oid));
    }
    const auto facts = postgres::learn_server_facts(libpq(a_), 1);
    EXPECT_TRUE(facts.has_oids);
    EXPECT_EQ(facts.backend_pid, pid(a_));
    EXPECT_FALSE(facts.pooled);
    EXPECT_FALSE(facts.standby);
    EXPECT_FALSE(facts.look_alike);
}

TEST_F(server_functions, are_not_called_by_a_guarded_query_on_a_backend_without_the_mark) {
    for (const lock_kind kind : kinds) {
        for (const auto what : {operation::lock, operation::try_lock}) {
            const auto text = postgres::guarded(
                plain_call(function_index(what, kind, key_space::bigint)).view(), "a token");
            query(a_, "begin");
            const auto got = call_by_query(libpq(a_), text.c_str(), 1);
            EXPECT_TRUE(got.ok);
            EXPECT_TRUE(got.switched);
            EXPECT_FALSE(got.yes);
            EXPECT_TRUE(look_.advisory_locks().empty()) << text.c_str();
            query(a_, "commit");
        }
    }
}

TEST_F(server_functions, take_and_release_the_same_key_in_the_same_mode_by_oid_and_by_query) {
    PGconn* const conn = libpq(a_);
    for (const auto& [way, call] : ways) {
        for (const lock_key key : keys) {
            for (const lock_kind kind : kinds) {
                for (const auto what : {operation::lock, operation::try_lock}) {
                    query(a_, "begin");
                    const auto got = call(conn, function_index(what, kind, key.space()), key);
                    EXPECT_TRUE(got.ok && got.yes) << way << ' ' << key;
                    EXPECT_EQ(owners(key, kind.shared ? lock_mode::shared : lock_mode::exclusive), pids(a_))
                        << way << ' ' << key;
                    if (!kind.ends_with_transaction) {
                        const auto released =
                            call(conn, function_index(operation::unlock, kind, key.space()), key);
                        EXPECT_TRUE(released.ok && released.yes) << way << ' ' << key;
                        EXPECT_TRUE(look_.advisory_locks().empty()) << way << ' ' << key;
                    }
                    query(a_, "commit");
                    EXPECT_TRUE(look_.advisory_locks().empty()) << way << ' ' << key;
                }
            }
        }
    }
}

TEST_F(server_functions, answer_no_alike_by_oid_and_by_query) {
    query(a_, "set client_min_messages = error");
    PGconn* const conn = libpq(a_);
    for (const auto& [way, call] : ways) {
        for (const lock_key key : keys) {
            const advisory_lock holder(b_, key);
            for (const bool shared : {false, true}) {
                for (const auto what : {operation::try_lock, operation::unlock}) {
                    const auto answer =
                        call(conn, function_index(what, {.shared = shared}, key.space()), key);
                    EXPECT_TRUE(answer.ok) << way << ' ' << key;
                    EXPECT_FALSE(answer.yes) << way << ' ' << key;
                }
            }
        }
    }
}

TEST_F(server_functions, fail_alike_by_oid_and_by_query) {
    for (const auto& [way, call] : ways) {
        query(a_, "begin");
        EXPECT_THROW(query(a_, "select 1/0"), sql_error);
        const auto answer = call(libpq(a_), function_index(operation::try_lock, {}, key_space::bigint), 1);
        EXPECT_FALSE(answer.ok || answer.yes) << way;
        EXPECT_EQ(postgres::sqlstate_of(answer.reply), "25P02") << way;
        query(a_, "rollback");
    }
}

TEST_F(server_functions, are_called_by_query_where_the_oids_are_unknown) {
    // Before the server was asked, nothing is known of its OIDs.
    const auto state = postgres::connection_state::of(libpq(a_));
    ASSERT_FALSE(state->known_facts());
    {
        const wire_trace wire(a_);
        EXPECT_TRUE(state->call(operation::try_lock, {}, 1).yes);
        EXPECT_NE(wire.messages().at(0).find("Parse"), std::string::npos) << wire.messages().at(0);
        EXPECT_EQ(owners(1), pids(a_));
    }
    static_cast<void>(state->facts(1));
    const wire_trace wire(a_);
    EXPECT_TRUE(state->call(operation::unlock, {}, 1).yes);
    EXPECT_NE(wire.messages().at(0).find("FunctionCall"), std::string::npos) << wire.messages().at(0);
    EXPECT_TRUE(look_.advisory_locks().empty());
}

class hash_functions : public lock_test {
protected:
    static constexpr int batch = 5000;

    /// A name of up to 40 characters from all planes of Unicode, in UTF-8.
    std::string random_name() {
        std::string name;
        for (auto left = std::uniform_int_distribution<int>(0, 40)(random_); left > 0; --left) {
            append(name, random_character());
        }
        return name;
    }

    std::int64_t random_seed() {
        return std::uniform_int_distribution<std::int64_t>(INT64_MIN, INT64_MAX)(random_);
    }

    /// Compares what the server computes of random names and seeds, many at a time, with ours.
    template <class Ours>
    void for_batches(const std::string& select, const Ours& ours) {
        query(a_, "set client_encoding = utf8; set standard_conforming_strings = on");
        for (int done = 0; done < golden::random_inputs; done += batch) {
            std::string arrays = "array[";
            std::string seeds = "], array[";
            std::vector<std::pair<std::string, std::int64_t>> asked;
            for (int i = 0; i < batch; ++i) {
                asked.emplace_back(random_name(), i % 4 == 0 ? 0 : random_seed());
                arrays += (i == 0 ? "" : ",") + quoted(asked.back().first);
                seeds += (i == 0 ? "'" : ",'") + std::to_string(asked.back().second) + '\'';
            }
            std::istringstream theirs(query(a_, select + " from unnest(" + arrays + seeds +
                                                    "]::bigint[]) with ordinality as asked (name, seed, i)"));
            for (const auto& [name, seed] : asked) {
                std::int64_t key = 0;
                ASSERT_TRUE(theirs >> key);
                ASSERT_EQ(ours(name, seed), key) << '"' << name << "\", seed " << seed;
            }
        }
    }

    static std::string quoted(const std::string& name) {
        std::string text = "'";
        for (const char c : name) {
            text += c == '\'' ? "''" : std::string(1, c);
        }
        return text + "'";
    }

private:
    std::uint32_t random_character() {
        static constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 5> ranges{
            {{0x20, 0x7e}, {0x01, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xfffd}, {0x10000, 0x10ffff}}};
        const auto& [from, to] =
            ranges.at(std::uniform_int_distribution<std::size_t>(0, ranges.size() - 1)(random_));
        return std::uniform_int_distribution<std::uint32_t>(from, to)(random_);
    }

    static void append(std::string& to, std::uint32_t c) {
        const auto byte = [&](std::uint32_t value) {
            to += static_cast<char>(static_cast<unsigned char>(value));
        };
        const auto tail = [&](int shift) { byte(0x80 | (c >> shift & 0x3f)); };
        if (c < 0x80) {
            byte(c);
        } else if (c < 0x800) {
            byte(0xc0 | c >> 6);
            tail(0);
        } else if (c < 0x10000) {
            byte(0xe0 | c >> 12);
            tail(6);
            tail(0);
        } else {
            byte(0xf0 | c >> 18);
            tail(12);
            tail(6);
            tail(0);
        }
    }

    std::mt19937_64 random_{20240229}; // the same names in every run
};

TEST_F(hash_functions, postgres_equals_hashtextextended) {
    for_batches("select string_agg(hashtextextended(name collate \"C\", seed)::text, ' ' order by i)",
                [](const std::string& name, std::int64_t seed) {
                    const auto ours = static_cast<std::int64_t>(
                        digest::postgres_hash_bytes_extended(name, static_cast<std::uint64_t>(seed)));
                    if (seed == 0) {
                        EXPECT_EQ(key_of<hash::postgres<>>(name), ours) << '"' << name << '"';
                    }
                    return ours;
                });
}

TEST_F(hash_functions, postgres_with_a_seed_equals_hashtextextended_with_that_seed) {
    const auto check = [&]<std::int64_t Seed>() {
        for (const std::string name : {"", "nightly-report", "na\xc3\xafve \xe6\xbc\xa2\xe5\xad\x97"}) {
            EXPECT_EQ(std::to_string(key_of<hash::postgres<Seed>>(name).bits()),
                      query(a_, "select hashtextextended(" + quoted(name) + " collate \"C\", '" +
                                    std::to_string(Seed) + "'::bigint)"));
        }
    };
    check.operator()<0>();
    check.operator()<42>();
    check.operator()<-1>();
    check.operator()<INT64_MIN>();
    check.operator()<INT64_MAX>();
}

TEST_F(hash_functions, postgres_hashtext_equals_hashtext) {
    for_batches(
        "select string_agg(hashtext(name collate \"C\")::text, ' ' order by i)",
        [](const std::string& name, std::int64_t) { return key_of<hash::postgres_hashtext>(name).bits(); });
}

TEST_F(hash_functions, a_lock_by_name_and_one_by_hand_in_sql_exclude_each_other) {
    const advisory_lock by_name(a_, "nightly-report");
    EXPECT_EQ(query(b_, "select pg_try_advisory_lock(hashtextextended('nightly-report', 0))"), "f");
    using hashtext_lock = basic_advisory_lock<hash::postgres_hashtext>;
    const hashtext_lock by_hashtext(a_, "nightly-report");
    EXPECT_EQ(query(b_, "select pg_try_advisory_lock(hashtext('nightly-report'))"), "f");
    EXPECT_EQ(query(b_, "select pg_try_advisory_lock(hashtext('another'))"), "t");
}

TEST_F(hash_functions, sha256_and_namespaces_give_the_keys_that_sql_can_compute) {
    EXPECT_EQ(
        std::to_string(key_of<hash::sha256>("nightly-report").bits()),
        query(a_, "select ('x' || substr(encode(sha256('nightly-report'), 'hex'), 1, 16))::bit(64)::bigint"));
    using pair_lock = basic_advisory_lock<hash::in_namespace<7>>;
    const pair_lock in_seven(a_, "nightly-report");
    EXPECT_EQ(query(b_, "select pg_try_advisory_lock(7, hashtext('nightly-report'))"), "f")
        << "the low half of hashtextextended is hashtext";
}

} // namespace
} // namespace pglocks::test
