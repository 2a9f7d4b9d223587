// SPDX-License-Identifier: BSL-1.0
// Session locks that are released inside a transaction, when the server's replies arrive whole and when every
// byte of them arrives alone.
#include "integration/lock_test.hpp"
#include "support/tcp_proxy.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pglocks::test {
namespace {

enum class delivery : std::uint8_t { whole, in_pieces };

std::ostream& operator<<(std::ostream& out, delivery how) {
    return out << (how == delivery::whole ? "whole" : "in_pieces");
}

/// Reads all results that are left, and tells the first error.
std::string read_results(PGconn* conn) {
    std::string sqlstate;
    while (const postgres::result r{PQgetResult(conn)}) {
        if (sqlstate.empty()) {
            sqlstate = postgres::sqlstate_of(r);
        }
    }
    return sqlstate;
}

/// Each test releases `lock_` inside a transaction that it ends in its own way.
class pieces : public lock_test, public testing::WithParamInterface<delivery> {
protected:
    void SetUp() override {
        lock_test::SetUp();
        session_.open(soci::postgresql, proxy_.conninfo());
        if (GetParam() == delivery::in_pieces) {
            proxy_.split_replies();
        }
        lock_.emplace(session_, 1);
    }
    void TearDown() override {
        EXPECT_EQ(proxy_.split_bytes() > 0, GetParam() == delivery::in_pieces);
        lock_test::TearDown();
    }

    /// In the transaction: releases the lock, which the server holds on.
    void release() {
        lock_->unlock();
        EXPECT_FALSE(lock_->owns_lock());
        EXPECT_TRUE(lock_->pending());
        expect_held();
    }
    void expect_held() {
        EXPECT_TRUE(lock_->pending());
        EXPECT_FALSE(release_pending(session_)) << "the transaction has not ended";
        EXPECT_EQ(owners(1), pids(session_));
    }

    /// The transaction has ended. What the lock says is what the server says; a reply that came whole has
    /// left nothing to do.
    void expect_told_truth() {
        EXPECT_EQ(lock_->pending(), !owners(1).empty());
        if (GetParam() == delivery::whole) {
            EXPECT_FALSE(lock_->pending());
        }
    }
    void expect_released() {
        expect_told_truth();
        EXPECT_TRUE(release_pending(session_));
        expect_gone();
    }
    void expect_gone() {
        EXPECT_FALSE(lock_->pending());
        EXPECT_TRUE(owners(1).empty());
    }

    void make_deferred_constraint() {
        query(session_, "create temporary table once (n integer unique deferrable initially deferred)");
    }

    [[nodiscard]] PGconn* conn() { return libpq(session_); }

    tcp_proxy proxy_{shared_server()};
    soci::session session_;
    std::optional<advisory_lock> lock_;
};

INSTANTIATE_TEST_SUITE_P(replies, pieces, testing::Values(delivery::whole, delivery::in_pieces),
                         testing::PrintToStringParamName());

TEST_P(pieces, a_transaction_of_soci_that_commits_ends_it) {
    soci::transaction tx(session_);
    release();
    tx.commit();
    expect_released();
}

TEST_P(pieces, a_transaction_of_soci_that_rolls_back_ends_it) {
    soci::transaction tx(session_);
    release();
    tx.rollback();
    expect_released();
}

TEST_P(pieces, every_statement_that_ends_a_transaction_ends_it) {
    for (const char* end : {"commit", "end", "rollback", "abort", "commit work and no chain"}) {
        query(session_, "begin");
        release();
        query(session_, end);
        expect_released();
        lock_->lock();
    }
}

TEST_P(pieces, an_end_by_the_extended_protocol_ends_it) {
    query(session_, "begin");
    release();
    EXPECT_TRUE(postgres::is_ok(
        postgres::result(PQexecParams(conn(), "commit", 0, nullptr, nullptr, nullptr, nullptr, 0))));
    expect_released();
    lock_->lock();
    ASSERT_TRUE(postgres::is_ok(postgres::result(PQprepare(conn(), "the_end", "rollback", 0, nullptr))));
    query(session_, "begin");
    release();
    EXPECT_TRUE(postgres::is_ok(
        postgres::result(PQexecPrepared(conn(), "the_end", 0, nullptr, nullptr, nullptr, 0))));
    expect_released();
}

TEST_P(pieces, the_next_lock_sends_it_before_anything_else) {
    query(session_, "begin");
    release();
    query(session_, "commit");
    const advisory_lock next(session_, 2);
    expect_gone();
    EXPECT_EQ(owners(2), pids(session_));
}

TEST_P(pieces, a_lock_that_is_refused_sends_it_too) {
    const advisory_lock elsewhere(b_, 2);
    query(session_, "begin");
    release();
    query(session_, "commit");
    EXPECT_FALSE(try_advisory_lock(session_, 2).owns_lock());
    expect_gone();
}

TEST_P(pieces, locking_again_after_the_end_holds_it_once) {
    query(session_, "begin");
    release();
    query(session_, "commit");
    lock_->lock();
    EXPECT_EQ(owners(1), pids(session_));
    lock_->unlock();
    expect_gone();
}

TEST_P(pieces, a_session_goes_back_to_its_pool_without_it) {
    soci::connection_pool pool(1);
    pool.at(0).open(soci::postgresql, proxy_.conninfo());
    for (const char* end : {"commit", "rollback", "select 1", "select 1/0"}) {
        {
            const advisory_lock lock(pool, 2);
            {
                query(*lock.session(), "begin");
                const advisory_lock other(*lock.session(), 3);
            }
            try {
                query(*lock.session(), end);
            } catch (const sql_error&) { // the transaction has failed
            }
        }
        EXPECT_TRUE(owners(2).empty()) << end;
        EXPECT_TRUE(owners(3).empty()) << end;
        EXPECT_EQ(PQtransactionStatus(libpq(pool.at(0))), PQTRANS_IDLE) << end;
    }
}

TEST_P(pieces, an_exception_arrives_untouched_and_the_lock_is_released_before_it_is_caught) {
    std::string caught;
    try {
        const soci::transaction tx(session_);
        release();
        session_ << "select 1/0";
    } catch (const soci::soci_error& error) {
        expect_told_truth();
        caught = error.what();
    }
    EXPECT_NE(caught.find("division by zero"), std::string::npos) << caught;
    expect_released();
}

TEST_P(pieces, an_exception_of_the_users_arrives_untouched) {
    try {
        const soci::transaction tx(session_);
        lock_.reset();
        throw std::runtime_error("the job failed");
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "the job failed");
    }
    EXPECT_TRUE(release_pending(session_));
    EXPECT_TRUE(owners(1).empty());
}

TEST_P(pieces, the_commit_of_a_failed_transaction_is_an_end) {
    query(session_, "begin");
    EXPECT_THROW(query(session_, "select 1/0"), sql_error);
    release();
    query(session_, "commit");
    expect_released();
    lock_->lock();
    {
        soci::transaction tx(session_);
        EXPECT_THROW(session_ << "select 1/0", soci::soci_error);
        release();
        tx.commit(); // which returns
    }
    expect_released();
}

TEST_P(pieces, a_release_before_the_transaction_fails_waits_for_its_end) {
    query(session_, "begin");
    release();
    EXPECT_THROW(query(session_, "select 1/0"), sql_error);
    expect_held();
    query(session_, "rollback");
    expect_released();
}

TEST_P(pieces, a_nested_transaction_of_soci_ends_the_outer_one_with_its_own) {
    for (const bool commits : {true, false}) {
        soci::transaction outer(session_);
        soci::transaction inner(session_);
        release();
        commits ? inner.commit() : inner.rollback();
        expect_released();
        commits ? outer.commit() : outer.rollback();
        lock_->lock();
    }
    EXPECT_EQ(owners(1), pids(session_));
}

TEST_P(pieces, savepoints_are_no_end) {
    query(session_, "begin");
    query(session_, "savepoint s");
    release();
    for (const char* statement : {"rollback to savepoint s", "release savepoint s", "savepoint s",
                                  "savepoint t", "rollback to savepoint t", "release savepoint s"}) {
        query(session_, statement);
        expect_held();
    }
    query(session_, "savepoint s");
    EXPECT_THROW(query(session_, "select 1/0"), sql_error);
    expect_held();
    query(session_, "rollback to savepoint s");
    expect_held();
    query(session_, "commit");
    expect_released();
}

TEST_P(pieces, commit_and_chain_is_no_end) {
    for (const char* chain : {"commit and chain", "rollback and chain"}) {
        query(session_, "begin");
        release();
        query(session_, chain);
        expect_held();
        query(session_, chain);
        expect_held();
        query(session_, "commit");
        expect_released();
        lock_->lock();
    }
}

TEST_P(pieces, a_commit_that_a_deferred_constraint_fails_is_an_end) {
    make_deferred_constraint();
    query(session_, "begin");
    release();
    query(session_, "insert into once values (1), (1)");
    expect_held();
    const postgres::result r(PQexec(conn(), "commit"));
    EXPECT_EQ(postgres::sqlstate_of(r), "23505") << "the user's own result";
    // A statement of ours would have wiped it.
    EXPECT_NE(std::string_view(PQerrorMessage(conn())).find("duplicate key"), std::string_view::npos)
        << PQerrorMessage(conn());
    EXPECT_TRUE(lock_->pending());
    EXPECT_EQ(owners(1), pids(session_));
    query(session_, "select 1"); // or any other statement
    EXPECT_EQ(lock_->pending(), !owners(1).empty());
    EXPECT_TRUE(release_pending(session_));
    expect_gone();
}

TEST_P(pieces, the_message_of_a_statement_that_fails_is_the_users) {
    ASSERT_EQ(PQenterPipelineMode(conn()), 1);
    lock_->unlock();
    ASSERT_EQ(PQexitPipelineMode(conn()), 1);
    EXPECT_TRUE(lock_->pending()) << "and could be sent";
    const postgres::result r(PQexec(conn(), "select 1/0"));
    EXPECT_NE(std::string_view(PQerrorMessage(conn())).find("division by zero"), std::string_view::npos)
        << PQerrorMessage(conn());
    EXPECT_TRUE(lock_->pending());
    EXPECT_TRUE(release_pending(session_));
    expect_gone();
}

TEST_P(pieces, a_commit_of_soci_that_a_deferred_constraint_fails_is_an_end) {
    make_deferred_constraint();
    std::string caught;
    try {
        soci::transaction tx(session_);
        release();
        session_ << "insert into once values (1), (1)";
        tx.commit();
    } catch (const soci::soci_error& error) {
        expect_told_truth(); // the transaction's destructor has rolled back, too
        caught = error.what();
    }
    EXPECT_NE(caught.find("duplicate key"), std::string::npos) << caught;
    EXPECT_TRUE(release_pending(session_));
    expect_gone();
}

TEST_P(pieces, a_commit_that_fails_in_several_statements_is_an_end) {
    make_deferred_constraint();
    query(session_, "begin");
    release();
    EXPECT_THROW(query(session_, "insert into once values (1), (1); commit; select 1"), sql_error);
    EXPECT_EQ(lock_->pending(), !owners(1).empty());
    EXPECT_TRUE(release_pending(session_));
    expect_gone();
}

TEST_P(pieces, several_statements_in_one_are_judged_by_how_they_end) {
    struct example {
        const char* statements;
        bool ends;
    };
    for (const auto& [statements, ends] :
         {example{"select 1; commit", true}, example{"commit; select 1", true},
          example{"select 1; rollback; select 2, 3", true}, example{"commit; begin; rollback", true},
          example{"commit; begin", false}, example{"rollback; begin; select 1", false},
          example{"savepoint s; select 1; release s", false}}) {
        query(session_, "begin");
        release();
        query(session_, statements);
        if (!ends) {
            expect_held();
            query(session_, "commit");
        }
        expect_released();
        lock_->lock();
    }
}

TEST_P(pieces, the_rows_of_single_row_mode_are_all_the_users) {
    query(session_, "begin");
    ASSERT_EQ(PQsendQuery(conn(), "select n from generate_series(1, 100) n"), 1);
    ASSERT_EQ(PQsetSingleRowMode(conn()), 1);
    int sum = 0;
    for (postgres::result r(PQgetResult(conn())); r; r.reset(PQgetResult(conn()))) {
        if (PQresultStatus(r.get()) == PGRES_SINGLE_TUPLE) {
            sum += std::stoi(PQgetvalue(r.get(), 0, 0));
        }
        if (sum == 15) {
            release();
        }
    }
    EXPECT_EQ(sum, 5050);
    expect_held();
    ASSERT_EQ(PQsendQuery(conn(), "commit"), 1);
    ASSERT_EQ(PQsetSingleRowMode(conn()), 1);
    EXPECT_EQ(read_results(conn()), "");
    expect_released();
}

TEST_P(pieces, rows_that_come_one_by_one_after_the_commit_are_all_the_users) {
    query(session_, "begin");
    release();
    ASSERT_EQ(PQsendQuery(conn(), "commit; select n from generate_series(1, 100) n"), 1);
    int sum = 0;
    bool single = false;
    for (postgres::result r(PQgetResult(conn())); r; r.reset(PQgetResult(conn()))) {
        if (PQresultStatus(r.get()) == PGRES_COMMAND_OK) {
            single = PQsetSingleRowMode(conn()) == 1 || single; // from the next result on, if it is not here
        }
        for (int row = 0; row < PQntuples(r.get()); ++row) {
            sum += std::stoi(PQgetvalue(r.get(), row, 0));
        }
    }
    EXPECT_EQ(sum, 5050);
    EXPECT_EQ(lock_->pending(), !owners(1).empty());
    EXPECT_TRUE(release_pending(session_));
    expect_gone();
}

TEST_P(pieces, a_copy_in_is_not_disturbed) {
    query(session_, "create temporary table t (n integer)");
    query(session_, "begin");
    ASSERT_EQ(PQresultStatus(postgres::result(PQexec(conn(), "copy t from stdin")).get()), PGRES_COPY_IN);
    ASSERT_EQ(PQputCopyData(conn(), "1\n", 2), 1);
    release();
    ASSERT_EQ(PQputCopyData(conn(), "2\n", 2), 1);
    ASSERT_EQ(PQputCopyEnd(conn(), nullptr), 1);
    EXPECT_EQ(read_results(conn()), "");
    expect_held();
    query(session_, "commit");
    expect_released();
    EXPECT_EQ(query(session_, "select sum(n) from t"), "3");
}

TEST_P(pieces, a_copy_in_that_fails_is_no_end) {
    query(session_, "create temporary table t (n integer)");
    query(session_, "begin");
    release();
    ASSERT_EQ(PQresultStatus(postgres::result(PQexec(conn(), "copy t from stdin")).get()), PGRES_COPY_IN);
    ASSERT_EQ(PQputCopyData(conn(), "one\n", 4), 1);
    ASSERT_EQ(PQputCopyEnd(conn(), nullptr), 1);
    EXPECT_EQ(read_results(conn()), "22P02");
    expect_held();
    query(session_, "rollback");
    expect_released();
}

TEST_P(pieces, a_copy_out_is_not_disturbed) {
    query(session_, "begin");
    ASSERT_EQ(PQresultStatus(
                  postgres::result(PQexec(conn(), "copy (select generate_series(1, 200)) to stdout")).get()),
              PGRES_COPY_OUT);
    release();
    int lines = 0;
    for (char* line = nullptr; PQgetCopyData(conn(), &line, 0) > 0; ++lines) {
        PQfreemem(line);
    }
    EXPECT_EQ(lines, 200);
    EXPECT_EQ(read_results(conn()), "");
    expect_held();
    query(session_, "commit");
    expect_released();
}

TEST_P(pieces, discard_all_releases_it_and_nothing_is_sent_afterwards) {
    query(session_, "begin");
    release();
    query(session_, "commit");
    query(session_, "discard all");
    expect_gone();
    lock_->lock();
    EXPECT_TRUE(release_pending(session_));
    EXPECT_EQ(owners(1), pids(session_)) << "a release from before is not this lock's";
}

TEST_P(pieces, discard_all_in_a_transaction_fails_and_is_no_end) {
    query(session_, "begin");
    release();
    EXPECT_THROW(query(session_, "discard all"), sql_error);
    expect_held();
    query(session_, "rollback");
    expect_released();
}

TEST_P(pieces, what_is_read_without_blocking_releases_it_too) {
    query(session_, "begin");
    release();
    ASSERT_EQ(PQsetnonblocking(conn(), 1), 0);
    ASSERT_EQ(PQsendQuery(conn(), "commit"), 1);
    for (;;) {
        while (PQisBusy(conn()) != 0) {
            pollfd socket{PQsocket(conn()), POLLIN, 0};
            ASSERT_EQ(::poll(&socket, 1, static_cast<int>(default_deadline.count())), 1);
            ASSERT_EQ(PQconsumeInput(conn()), 1);
        }
        if (const postgres::result r{PQgetResult(conn())}; !r) {
            break;
        }
    }
    expect_released();
    ASSERT_EQ(PQsetnonblocking(conn(), 0), 0);
}

TEST_P(pieces, a_thousand_transactions_lose_no_release) {
    constexpr int transactions = 1000;
    int by_the_commit = 0;
    for (int i = 0; i < transactions; ++i) {
        soci::transaction tx(session_);
        lock_->unlock();
        tx.commit();
        by_the_commit += lock_->pending() ? 0 : 1;
        lock_->lock(); // which sends it, if the commit has not
    }
    if (GetParam() == delivery::whole) {
        EXPECT_EQ(by_the_commit, transactions);
    } else {
        // The end of the reply is waited for, but not for ever, and the machine may be busy.
        EXPECT_GT(by_the_commit, transactions / 2);
    }
    RecordProperty("released_by_the_commit", by_the_commit);
    lock_->unlock();
    expect_gone();
}

} // namespace
} // namespace pglocks::test
