// SPDX-License-Identifier: BSL-1.0
// The code of the pages that is of no example does what the pages say.
#include "../../docs/snippets/errors.cpp"          // NOLINT(bugprone-suspicious-include)
#include "../../docs/snippets/guarantees.cpp"      // NOLINT(bugprone-suspicious-include)
#include "../../docs/snippets/how_to.cpp"          // NOLINT(bugprone-suspicious-include)
#include "../../docs/snippets/inspect.cpp"         // NOLINT(bugprone-suspicious-include)
#include "../../docs/snippets/troubleshooting.cpp" // NOLINT(bugprone-suspicious-include)
#include "integration/lock_test.hpp"
#include "support/pgbouncer.hpp"

#include <functional>
#include <iostream>
#include <mutex>
#include <poll.h>
#include <sstream>
#include <stop_token>
#include <streambuf>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

/// What the pages leave out: each of its functions notes that it was called, then does what the test wants.
struct work {
    static inline std::vector<std::string> done;
    static inline std::function<void()> then;

    static void does(const std::string& what) {
        done.push_back(what);
        if (then) {
            then();
        }
    }
    static void goes_on(const std::string& what, const std::stop_token& stop) {
        does(what);
        EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
    }
};

} // namespace
} // namespace pglocks::test

namespace snippets {

using pglocks::test::work;

void import(soci::session& /*sql*/) { work::does("import"); }
void import_some(soci::session& /*sql*/, const std::stop_token& stop) { work::goes_on("import some", stop); }
void respond_busy() { work::does("respond busy"); }
void charge(soci::session& /*sql*/, int customer) { work::does("charge " + std::to_string(customer)); }
std::vector<order> open_orders(soci::session& /*sql*/) { return {{1}, {2}, {3}}; }
void bill(soci::session& /*sql*/, const order& o) { work::does("bill " + std::to_string(o.id)); }
void send_mails(const std::stop_token& stop) { work::goes_on("send mails", stop); }
void move_money(soci::session& /*sql*/, const std::vector<std::string>& /*accounts*/) {
    work::does("move money");
}
void check_books(soci::session& /*sql*/) { work::does("check books"); }
void rebuild(soci::session& /*sql*/) { work::does("rebuild"); }
void log(const std::string& line) { work::does(line); }

} // namespace snippets

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using steps = std::vector<std::string>;

/// What a function prints on a standard stream.
template <class Function>
std::string printed(std::ostream& on, const Function& function) {
    const std::ostringstream into;
    const auto restore = [&on](std::streambuf* before) { on.rdbuf(before); };
    const std::unique_ptr<std::streambuf, decltype(restore)> before(on.rdbuf(into.rdbuf()), restore);
    function();
    return into.str();
}

class documented_code : public lock_test {
protected:
    void TearDown() override {
        work::then = {};
        work::done.clear();
        EXPECT_TRUE(nothing_left());
        lock_test::TearDown();
    }

    /// Has the work check that these keys are held while it is done.
    void held_meanwhile(std::vector<lock_key> keys) {
        work::then = [this, keys = std::move(keys)] {
            for (const lock_key& key : keys) {
                EXPECT_EQ(owners(key).size(), 1U) << to_string(key);
            }
        };
    }

    /// Ends a session's backend, and waits until its end has arrived.
    void end(soci::session& session) {
        look_.exec("select pg_terminate_backend(" + std::to_string(pid(session)) + ")");
        pollfd socket{PQsocket(libpq(session)), POLLRDHUP, 0};
        EXPECT_EQ(::poll(&socket, 1, static_cast<int>(default_deadline.count())), 1);
    }

    /// What was done since it was last asked.
    static steps done() { return std::exchange(work::done, {}); }
};

TEST_F(documented_code, of_a_bounded_wait_works_under_the_lock_or_says_that_it_is_busy) {
    held_meanwhile({key_of("import")});
    snippets::import_soon(a_);
    EXPECT_TRUE(snippets::import_until(a_, std::chrono::steady_clock::now()));
    EXPECT_EQ(done(), (steps{"import", "import"}));
    const advisory_lock obstacle(b_, "import");
    snippets::import_soon(a_);
    EXPECT_EQ(done(), steps{"respond busy"});
    EXPECT_FALSE(snippets::import_until(a_, std::chrono::steady_clock::now() + 1ms));
    EXPECT_EQ(done(), steps{});
}

TEST_F(documented_code, of_a_bounded_wait_in_a_transaction_leaves_the_transaction_good) {
    held_meanwhile({7});
    EXPECT_TRUE(snippets::charge_soon(a_, 7));
    EXPECT_EQ(done(), steps{"charge 7"});
    const advisory_lock obstacle(b_, 7);
    EXPECT_FALSE(snippets::charge_soon(a_, 7));
    EXPECT_EQ(done(), steps{});
    EXPECT_EQ(query(a_, "select 1"), "1");
}

TEST_F(documented_code, of_a_service_stops_the_work_and_the_wait) {
    snippets::service(conninfo(),
                      [&] { EXPECT_TRUE(eventually([&] { return !owners(key_of("import")).empty(); })); });
    EXPECT_EQ(done(), steps{"import some"});
    const advisory_lock obstacle(b_, "import");
    snippets::service(conninfo(), [&] { EXPECT_TRUE(queued(key_of("import"))); });
    EXPECT_EQ(done(), steps{});
    EXPECT_TRUE(queue(key_of("import")).empty());
}

TEST_F(documented_code, for_poolers_works_in_the_modes_that_it_names) {
    const pgbouncer transactions(shared_server(), pool_mode::transaction);
    const pgbouncer sessions(shared_server(), pool_mode::session);
    soci::session through(soci::postgresql, transactions.conninfo());
    held_meanwhile({7});
    EXPECT_TRUE(snippets::charge_through_a_pooler(through, 7));
    held_meanwhile({key_of("import")});
    snippets::import_past_the_pooler(conninfo());
    snippets::import_through_session_mode(sessions.conninfo());
    EXPECT_EQ(done(), (steps{"charge 7", "import", "import"}));
    EXPECT_THROW(snippets::import_through_session_mode(transactions.conninfo()), refused);
    soci::session opened;
    snippets::connect(opened, sessions.conninfo());
    EXPECT_NO_THROW(const advisory_lock lock(opened, 1));
    EXPECT_EQ(done(), steps{});
}

TEST_F(documented_code, for_other_programs_takes_their_keys) {
    held_meanwhile({key_of<interop::django_pglocks>("import")});
    snippets::import_without_django(a_);
    held_meanwhile({4711, {4711, 17}});
    snippets::keep_out_hand_written_sql(a_);
    EXPECT_EQ(done(), (steps{"import", "import"}));
    {
        const snippets::hashtext_lock lock(a_, "import");
        EXPECT_EQ(look_.value("select pg_try_advisory_lock(hashtext('import'))"), "f");
    }
    pglocks::transaction transaction(a_);
    const snippets::transaction_lock lock(transaction, "import");
    EXPECT_EQ(look_.value("select pg_try_advisory_xact_lock(hashtextextended('import', 0))"), "f");
}

TEST_F(documented_code, of_tests_passes_and_takes_a_mutex_or_a_lock) {
    EXPECT_NO_THROW(snippets::test_that_a_second_import_is_refused(conninfo()));
    EXPECT_EQ(done(), steps{});
    snippets::test_that_an_import_waits(conninfo());
    EXPECT_EQ(done(), steps{"import"});
    std::mutex mutex;
    advisory_lock lock(a_, "import", std::defer_lock);
    held_meanwhile({key_of("import")});
    snippets::import_with(lock, [] { work::does("import"); });
    work::then = {};
    snippets::import_with(mutex, [] { work::does("import"); });
    EXPECT_EQ(done(), (steps{"import", "import"}));
}

TEST_F(documented_code, of_billing_stops_when_the_lock_is_lost) {
    held_meanwhile({key_of("billing")});
    snippets::bill_everything(a_);
    EXPECT_EQ(done(), (steps{"bill 1", "bill 2", "bill 3"}));
    work::then = [&] { end(a_); };
    snippets::bill_everything(a_);
    EXPECT_EQ(done(), steps{"bill 1"});
}

TEST_F(documented_code, of_a_lock_before_begin_numbers_without_a_gap_or_an_error) {
    look_.exec("create table numbers (number int primary key)");
    constexpr int each = 20;
    const auto take_numbers = [] {
        auto session = connect();
        for (int i = 0; i < each; ++i) {
            snippets::next_number(session);
        }
        return true;
    };
    auto first = in_background(take_numbers);
    auto second = in_background(take_numbers);
    EXPECT_NO_THROW(first.result());
    EXPECT_NO_THROW(second.result());
    EXPECT_EQ(look_.value("select max(number) - count(*) || ' of ' || count(*) from numbers"), "0 of 40");
    look_.exec("drop table numbers");
}

TEST_F(documented_code, with_a_monitor_stops_when_the_lock_is_lost) {
    loss_watcher watcher;
    work::then = [&] {
        look_.exec("select pg_terminate_backend(" + std::to_string(owners(key_of("mails")).at(0)) + ")");
    };
    snippets::send_all_mails(conninfo(), watcher);
    EXPECT_EQ(done(), steps{"send mails"});
}

TEST_F(documented_code, of_sets_holds_all_or_none) {
    held_meanwhile({key_of("a"), key_of("b")});
    snippets::transfer(a_, {"b", "a"});
    held_meanwhile({key_of("ledger"), key_of("invoices"), key_of("orders")});
    EXPECT_TRUE(snippets::audit(a_));
    EXPECT_EQ(done(), (steps{"move money", "check books"}));
    const advisory_lock obstacle(b_, "orders");
    EXPECT_FALSE(snippets::audit(a_));
    EXPECT_EQ(done(), steps{});
    EXPECT_EQ(look_.advisory_locks().size(), 1U);
}

TEST_F(documented_code, of_a_transaction_books_and_of_a_fence_refuses_the_former_holder) {
    look_.exec("create table accounts (id int, balance int); insert into accounts values (7, 100);"
               "create sequence leader_token; create table fence (token int); insert into fence values (0)");
    snippets::book(a_, 7, 20);
    EXPECT_EQ(look_.value("select balance from accounts"), "120");
    const int former = snippets::next_token(a_);
    const int later = snippets::next_token(b_);
    EXPECT_TRUE(snippets::accept(a_, former));
    EXPECT_TRUE(snippets::accept(a_, later));
    EXPECT_FALSE(snippets::accept(a_, former));
    look_.exec("drop table accounts, fence; drop sequence leader_token");
}

TEST_F(documented_code, of_inspection_tells_who_has_what) {
    const advisory_lock report(b_, "nightly-report");
    const advisory_lock number(b_, {4711, 17});
    const std::string all = printed(std::cout, [&] { snippets::print_locks(a_); });
    EXPECT_NE(all.find("\"nightly-report\" exclusive, held by pid " + std::to_string(pid(b_))),
              std::string::npos)
        << all;
    EXPECT_EQ(printed(std::cout, [&] { snippets::look(a_); }), "1 0 1\n");
    const lock_key key = key_of("nightly-report");
    EXPECT_EQ(printed(std::cout, [&] { snippets::end_idle_holders(a_, key); }), "")
        << "it is not idle for an hour";
    EXPECT_EQ(owners(key).size(), 1U);
}

TEST_F(documented_code, of_errors_names_who_has_the_lock) {
    held_meanwhile({key_of("import")});
    snippets::import_or_name_who_has_it(a_);
    snippets::import_or_say_who(a_, b_);
    EXPECT_EQ(done(), (steps{"import", "import"}));
    const advisory_lock obstacle(b_, "import");
    const std::string holder = "pid " + std::to_string(pid(b_));
    const auto not_had = error_of<not_acquired>([&] { snippets::import_or_name_who_has_it(a_); });
    EXPECT_NE(std::string(not_had.what()).find(holder), std::string::npos) << not_had.what();
    query(a_, "set statement_timeout = 50");
    auto other = connect();
    const auto cancelled = error_of<lock_error>([&] { snippets::import_or_say_who(a_, other); });
    EXPECT_NE(std::string(cancelled.what()).find(holder), std::string::npos) << cancelled.what();
    EXPECT_EQ(done(), steps{});
}

TEST_F(documented_code, that_catches_logs_a_deadlock_and_reconnects_after_a_loss) {
    held_meanwhile({key_of("import")});
    EXPECT_TRUE(snippets::import_once(a_));
    EXPECT_EQ(done(), steps{"import"});
    work::then = {};
    {
        advisory_lock mine(a_, "other");
        query(a_, "set deadlock_timeout = '10ms'"); // so that it is the victim
        query(b_, "set deadlock_timeout = '1h'");
        auto crossed = in_background([&] {
            const advisory_lock first(b_, "import");
            const advisory_lock second(b_, "other");
            return true;
        });
        ASSERT_TRUE(queued(key_of("other")));
        EXPECT_FALSE(snippets::import_once(a_));
        ASSERT_EQ(work::done.size(), 1U);
        EXPECT_NE(done().front().find("deadlock"), std::string::npos);
        mine.unlock();
        EXPECT_TRUE(crossed.result());
    }
    end(a_);
    EXPECT_FALSE(snippets::import_once(a_));
    EXPECT_EQ(done().size(), 1U);
    EXPECT_TRUE(snippets::import_once(a_));
    EXPECT_EQ(done(), steps{"import"});
}

TEST_F(documented_code, that_tells_an_error_prints_a_statement_that_finds_its_lock) {
    const advisory_lock held(b_, "import");
    query(a_, "set statement_timeout = 50");
    const auto error = error_of<lock_error>([&] { const advisory_lock lock(a_, "import"); });
    const std::string told = printed(std::cerr, [&] { snippets::tell(error); });
    const auto statement = told.find("select pid");
    ASSERT_NE(statement, std::string::npos) << told;
    EXPECT_EQ(query(b_, told.substr(statement)), std::to_string(pid(b_)));
    const auto before = set_release_failure_handler(nullptr);
    snippets::set_up();
    EXPECT_EQ(set_release_failure_handler(before), &snippets::to_the_log);
    snippets::to_the_log(error);
    EXPECT_EQ(done(), steps{error.what()});
}

TEST_F(documented_code, of_troubleshooting_turns_names_into_keys_and_keys_into_names) {
    const lock_key key = key_of("nightly-report");
    EXPECT_EQ(printed(std::cout, [&] { snippets::print_key("nightly-report"); }),
              to_string(key) + '\n' + to_sql(key) + '\n');
    EXPECT_EQ(printed(std::cout, [&] { snippets::print_name(key); }), "nightly-report\n");
    EXPECT_EQ(printed(std::cout, [&] { snippets::print_name(1); }), "not one of ours\n");
    held_meanwhile({key_of("rebuild-index")});
    snippets::rebuild_index(a_);
    EXPECT_EQ(done(), steps{"rebuild"});
}

TEST_F(documented_code, of_a_hand_over_is_refused_while_a_release_is_pending) {
    advisory_lock lock(a_, 1);
    pglocks::transaction transaction(a_);
    lock.unlock();
    EXPECT_FALSE(snippets::hand_over(a_));
    transaction.commit();
    EXPECT_TRUE(snippets::hand_over(a_));
}

} // namespace
} // namespace pglocks::test
