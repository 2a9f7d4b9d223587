// SPDX-License-Identifier: BSL-1.0
// Every cell of the tables of states and modes in docs/explanation/advisory_locks.md is what PostgreSQL does,
// asked in SQL.
#include "integration/lock_test.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

constexpr lock_key key = 4711;

std::vector<std::string> cells(const std::string& row) {
    std::vector<std::string> all;
    std::istringstream line(row.substr(1));
    for (std::string cell; std::getline(line, cell, '|');) {
        const auto first = cell.find_first_not_of(' ');
        all.push_back(
            first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') + 1 - first));
    }
    return all;
}

/// The rows of the first table from the line on that begins so, the one with the column's names first.
std::vector<std::vector<std::string>> table_after(const std::string& beginning) {
    std::ifstream file(std::filesystem::path(PGLOCKS_DOCS_DIR) / "explanation/advisory_locks.md");
    std::vector<std::vector<std::string>> rows;
    bool there = false;
    for (std::string line; std::getline(file, line);) {
        there = there || line.starts_with(beginning);
        if (there && line.starts_with("|--")) {
            continue;
        }
        if (there && line.starts_with('|')) {
            rows.push_back(cells(line));
        } else if (!rows.empty()) {
            break;
        }
    }
    return rows;
}

class documented_states : public lock_test {
protected:
    void check(const std::string& scope) {
        const auto rows = table_after("**`" + scope + "`**");
        ASSERT_EQ(rows.size(), scope == "scope::session" ? 5U : 7U);
        for (std::size_t row = 1; row < rows.size(); ++row) {
            ASSERT_EQ(rows[row].size(), rows[0].size());
            for (std::size_t column = 1; column < rows[0].size(); ++column) {
                if (rows[row][column] != "–") { // there is no such event
                    SCOPED_TRACE(scope + ", " + rows[row][0] + ", " + rows[0][column]);
                    ASSERT_TRUE(nothing_left());
                    EXPECT_EQ(rows[row][column], scope == "scope::session"
                                                     ? at_session_scope(rows[row][0], rows[0][column])
                                                     : at_transaction_scope(rows[row][0], rows[0][column]));
                }
            }
        }
    }

    /// What a session gets that asks in one mode while another holds the lock in a mode.
    std::string asking(const std::string& asked, const std::string& held) {
        query(a_, "select pg_advisory_lock" + held + "(4711)");
        std::string answer = "waits";
        auto asks = in_background([&] { query(b_, "select pg_advisory_lock" + asked + "(4711)"); });
        EXPECT_TRUE(eventually([&] { return owners(key).size() == 2 || queue(key).size() == 1; }));
        if (queue(key).empty()) {
            asks.result();
            query(b_, "select pg_advisory_unlock_all()");
            auto writer = in_background([&] { query(b_, "select pg_advisory_lock(4711)"); });
            EXPECT_TRUE(queued(key));
            soci::session third = connect();
            const bool granted =
                query(third, "select pg_try_advisory_lock" + asked + "(4711)") == "t"; // asks, and goes on
            answer = granted ? "granted" : "granted, unless a writer waits";
            query(a_, "select pg_advisory_unlock_all()");
            writer.result();
        } else {
            query(a_, "select pg_advisory_unlock_all()");
            asks.result();
        }
        query(b_, "select pg_advisory_unlock_all()");
        return answer;
    }

private:
    static constexpr auto session_lock = "select pg_advisory_lock(4711)";
    static constexpr auto transaction_lock = "select pg_advisory_xact_lock(4711)";

    /// How often a session holds the lock, which it does not afterwards.
    static std::string holds(soci::session& session) {
        constexpr std::array names{"not held", "held", "held twice", "held three times"};
        std::size_t count = 0;
        while (query(session, "select pg_advisory_unlock(4711)") == "t") {
            ++count;
        }
        return names.at(count);
    }

    std::string seen() { return owners(key).empty() ? "not held" : "held"; }

    std::string after_the_end_of(soci::session& session) {
        session.close();
        return eventually([&] { return owners(key).empty(); }) ? "not held" : "held";
    }

    /// What a waiter does that is told so.
    std::string waiter_after(const std::string& what, const std::string& statement) {
        query(a_, session_lock);
        auto waits = in_background([&] {
            query(b_, "begin");
            try {
                query(b_, statement);
                return std::string("held");
            } catch (const sql_error&) {
                return std::string("leaves the queue");
            }
        });
        EXPECT_TRUE(queued(key));
        look_.exec("select " + what + "(" + std::to_string(queue(key).at(0)) + ")");
        const std::string end = waits.result();
        EXPECT_TRUE(queue(key).empty());
        query(a_, "select pg_advisory_unlock(4711)");
        b_.reconnect();
        return end;
    }

    /// What a session does that asks for the lock while another holds it.
    std::string asking_for_a_held_one(const std::string& statement) {
        query(a_, session_lock);
        auto waits = in_background([&] { return query(b_, statement); });
        const std::string answer = queued(key) ? "waits" : "does not wait";
        query(a_, "select pg_advisory_unlock(4711)");
        waits.result();
        query(b_, "select pg_advisory_unlock_all()");
        return answer;
    }

    static void fail(soci::session& session) { EXPECT_THROW(query(session, "select 1 / 0"), sql_error); }

    std::string at_session_scope(const std::string& state, const std::string& event) {
        if (state == "waits") {
            return event == "error in a transaction" ? waiter_after("pg_cancel_backend", session_lock) +
                                                           ", or has it after all" // see raced_timeout
                                                     : waiter_after("pg_terminate_backend", session_lock);
        }
        soci::session session = connect();
        query(session, "set client_min_messages = error"); // an unlock of what is not held warns
        const auto lock_it = [&] {
            for (int i = state == "held twice" ? 2 : state == "held" ? 1 : 0; i > 0; --i) {
                query(session, session_lock);
            }
        };
        if (event == "lock" || event == "unlock") {
            lock_it();
            if (event == "unlock") {
                return query(session, "select pg_advisory_unlock(4711)") == "t" ? holds(session)
                                                                                : "answers false";
            }
            query(session, session_lock);
            const std::string now = holds(session);
            return state == "not held" ? now + ", or " + asking_for_a_held_one(session_lock) : now;
        }
        query(session, "begin");
        if (event == "ROLLBACK TO a savepoint") {
            query(session, "savepoint a");
        }
        lock_it();
        if (event == "session's end") {
            return after_the_end_of(session);
        }
        if (event == "error in a transaction") {
            fail(session);
            EXPECT_EQ(seen(), "held");
        } else if (event == "ROLLBACK TO a savepoint") {
            query(session, "rollback to a");
        }
        query(session, event == "COMMIT" ? "commit" : "rollback");
        return holds(session);
    }

    std::string at_transaction_scope(const std::string& state, const std::string& event) {
        if (state == "waits") {
            return waiter_after(event == "session's end" ? "pg_terminate_backend" : "pg_cancel_backend",
                                transaction_lock);
        }
        soci::session session = connect();
        query(session, "set client_min_messages = error"); // an unlock of what is not held warns
        if (state == "no transaction") {
            query(session, transaction_lock);
            return (seen() == "not held" ? "held for one statement" : "held") +
                   std::string(", so pglocks refuses"); // see sqlstate and refusal
        }
        query(session, "begin");
        if (state == "not held") {
            if (event == "lock") {
                query(session, transaction_lock);
                const std::string now = seen();
                query(session, "rollback");
                return now + ", or " + asking_for_a_held_one(transaction_lock);
            }
        } else if (state == "held since before the savepoint") {
            query(session, transaction_lock);
            query(session, "savepoint a");
        } else if (state == "held, without a savepoint") {
            query(session, transaction_lock);
        } else {
            query(session, "savepoint a");
            query(session, transaction_lock);
        }
        if (event == "unlock") {
            const std::string before = seen();
            const std::string answer = query(session, "select pg_advisory_unlock(4711)");
            return answer == "f" && seen() == before ? "there is none" : "unlocks";
        }
        if (event == "session's end") {
            return after_the_end_of(session);
        }
        if (event == "error in a transaction") {
            fail(session);
            const std::string before = seen();
            query(session, "rollback");
            EXPECT_EQ(seen(), "not held");
            return before == "held" ? "held until ROLLBACK" : before;
        }
        query(session, event == "lock"                      ? transaction_lock
                       : event == "ROLLBACK TO a savepoint" ? "rollback to a"
                                                            : event);
        return seen();
    }
};

TEST_F(documented_states, of_session_scope_are_what_the_server_does) { check("scope::session"); }

TEST_F(documented_states, of_the_modes_are_what_the_server_does) {
    const auto rows = table_after("## Two modes");
    ASSERT_EQ(rows.size(), 3U);
    ASSERT_EQ(rows[0],
              (std::vector<std::string>{"", "another holds it shared", "another holds it exclusively"}));
    EXPECT_EQ(rows[1], (std::vector<std::string>{"ask for it shared (`mode::shared`)",
                                                 asking("_shared", "_shared"), asking("_shared", "")}));
    EXPECT_EQ(rows[2], (std::vector<std::string>{"ask for it exclusively (`mode::exclusive`)",
                                                 asking("", "_shared"), asking("", "")}));
}

TEST_F(documented_states, of_transaction_scope_are_what_the_server_does) { check("scope::transaction"); }

} // namespace
} // namespace pglocks::test
