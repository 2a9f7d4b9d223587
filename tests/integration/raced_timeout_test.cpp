// SPDX-License-Identifier: BSL-1.0
// Timeouts raced against the release. PostgreSQL can report a timeout and have granted the session lock (the
// holder released it within about a millisecond of the deadline); a lock of ours that says no holds nothing.
#include "integration/lock_test.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace pglocks::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr auto bound = 4ms;
/// A timeout counts as raced if the release was under way this close to its end.
constexpr auto close_call = 2ms;
constexpr int pairs = 4;

/// How the rounds ended.
struct figures {
    int granted = 0;
    int timeouts = 0;
    int raced = 0;      ///< of the timeouts
    int held = 0;       ///< of the timeouts: the server shows the lock as held by who was told no
    int miscounted = 0; ///< of the granted: not held once, or still held after one release

    figures& operator+=(const figures& other) {
        granted += other.granted;
        timeouts += other.timeouts;
        raced += other.raced;
        held += other.held;
        miscounted += other.miscounted;
        return *this;
    }
};

std::ostream& operator<<(std::ostream& out, const figures& f) {
    return out << f.raced << " raced timeouts of " << f.timeouts << ", " << f.held << " left held; "
               << f.granted << " granted, " << f.miscounted << " miscounted";
}

/// One session that waits with a bound, and how.
class waiter {
public:
    virtual ~waiter() = default;
    virtual int backend() = 0;
    virtual void begin() {}
    /// One wait for the key, at most `bound`; whether it was granted, as far as the waiter is told.
    virtual bool wait(std::int64_t key) = 0;
    virtual void release(std::int64_t key) = 0;
    virtual void end() {}
};

/// What people write by hand.
class naive_waiter : public waiter {
public:
    explicit naive_waiter(const std::string& conninfo) : session_(soci::postgresql, conninfo) {
        query(session_, "set lock_timeout = " + std::to_string(bound.count()));
    }
    int backend() override { return pid(session_); }
    bool wait(std::int64_t key) override {
        try {
            query(session_, "select pg_advisory_lock(" + std::to_string(key) + ")");
            return true;
        } catch (const sql_error& error) {
            if (error.sqlstate() != "55P03") {
                throw;
            }
            return false;
        }
    }
    void release(std::int64_t key) override {
        query(session_, "select pg_advisory_unlock(" + std::to_string(key) + ")");
    }
    void end() override {
        query(session_, "set client_min_messages = error; select pg_advisory_unlock_all()");
    }

private:
    soci::session session_;
};

class session_waiter : public waiter {
public:
    explicit session_waiter(const std::string& conninfo) : session_(soci::postgresql, conninfo) {}
    int backend() override { return pid(session_); }
    bool wait(std::int64_t key) override {
        lock_.emplace(session_, key, bound);
        return lock_->owns_lock();
    }
    void release(std::int64_t /*key*/) override { lock_->unlock(); }

protected:
    soci::session session_;
    std::optional<timed_advisory_lock> lock_;
};

class session_waiter_in_a_transaction : public session_waiter {
public:
    using session_waiter::session_waiter;
    void begin() override { query(session_, "begin"); }
    void end() override {
        EXPECT_EQ(PQtransactionStatus(libpq(session_)), PQTRANS_INTRANS);
        query(session_, "commit");
    }
    void release(std::int64_t key) override {
        session_waiter::release(key);
        query(session_, "commit");
        query(session_, "begin");
    }
};

class transaction_waiter : public waiter {
public:
    explicit transaction_waiter(const std::string& conninfo) : session_(soci::postgresql, conninfo) {}
    int backend() override { return pid(session_); }
    void begin() override { transaction_.emplace(session_); }
    bool wait(std::int64_t key) override {
        lock_.emplace(*transaction_, key, bound);
        return lock_->owns_lock();
    }
    void release(std::int64_t /*key*/) override {
        transaction_->commit();
        transaction_.emplace(session_);
    }
    void end() override {
        EXPECT_EQ(PQtransactionStatus(libpq(session_)), PQTRANS_INTRANS);
        transaction_->commit();
    }

private:
    soci::session session_;
    std::optional<pglocks::transaction> transaction_;
    std::optional<timed_transaction_advisory_lock> lock_;
};

/// Races one waiter against one holder until it says that it has enough.
///
/// The release is aimed at the deadline: a little later after a grant, a little sooner after a timeout, so
/// that the rounds stay where the two meet, however slow the machine is.
figures race(const std::string& conninfo, waiter& contender, std::int64_t key,
             const std::function<bool(const figures&)>& enough) {
    observer holder(conninfo);
    observer look(conninfo);
    const auto number = std::to_string(key);
    const auto held_by_waiter = [&] {
        const auto backend = contender.backend();
        const auto rows = look.holders(key);
        return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.pid == backend; });
    };
    figures f;
    microseconds aim = bound;
    constexpr microseconds step = 40us;
    while (!enough(f)) {
        holder.exec("select pg_advisory_lock(" + number + ")");
        contender.begin();
        const auto release_at = steady_clock::now() + aim;
        auto release = std::async(std::launch::async, [&] {
            std::this_thread::sleep_until(release_at);
            const auto sent = steady_clock::now();
            holder.exec("select pg_advisory_unlock(" + number + ")");
            return sent;
        });
        const bool granted = contender.wait(key);
        const auto told = steady_clock::now();
        const auto sent = release.get();
        if (granted) {
            ++f.granted;
            bool right = held_by_waiter();
            contender.release(key);
            right = right && !held_by_waiter();
            f.miscounted += right ? 0 : 1;
        } else {
            ++f.timeouts;
            f.raced += std::chrono::abs(told - sent) < close_call ? 1 : 0;
            f.held += held_by_waiter() ? 1 : 0;
        }
        contender.end();
        aim = granted ? aim + step : std::max(aim - step, microseconds(0));
    }
    return f;
}

class raced_timeout : public lock_test {
protected:
    /// Races pairs of sessions side by side until there are so many raced timeouts, or the time is over.
    template <class Waiter>
    static figures race_pairs(int wanted_raced, std::chrono::seconds at_most, int wanted_held = 0) {
        const auto end = steady_clock::now() + at_most;
        std::vector<std::future<figures>> all;
        for (int i = 0; i < pairs; ++i) {
            all.push_back(std::async(std::launch::async, [=] {
                Waiter contender(conninfo());
                return race(conninfo(), contender, i, [=](const figures& f) {
                    return (f.raced >= wanted_raced / pairs && f.held >= wanted_held) ||
                           steady_clock::now() >= end;
                });
            }));
        }
        figures sum;
        for (auto& one : all) {
            sum += one.get();
        }
        return sum;
    }

    static void report(const char* who, const figures& f) { std::cout << who << ": " << f << '\n'; }
};

TEST_F(raced_timeout, two_thousand_leave_nothing_held_and_the_naive_way_does) {
    const auto naive = race_pairs<naive_waiter>(200, 60s, 1);
    report("lock_timeout and pg_advisory_lock by hand", naive);
    const auto ours = race_pairs<session_waiter>(2000, 120s);
    report("timed_advisory_lock", ours);
    EXPECT_GT(naive.held, 0) << "the race is not close enough to show anything";
    EXPECT_GE(ours.raced, 2000);
    EXPECT_EQ(ours.held, 0);
    EXPECT_EQ(ours.miscounted, 0);
}

TEST_F(raced_timeout, three_hundred_in_a_transaction_leave_nothing_held) {
    const auto session = race_pairs<session_waiter_in_a_transaction>(300, 60s);
    report("timed_advisory_lock in a transaction", session);
    EXPECT_GE(session.raced, 300);
    EXPECT_EQ(session.held, 0);
    EXPECT_EQ(session.miscounted, 0);
}

TEST_F(raced_timeout, three_hundred_at_transaction_scope_leave_nothing_held_in_the_transaction) {
    const auto transaction = race_pairs<transaction_waiter>(300, 60s);
    report("timed_transaction_advisory_lock", transaction);
    EXPECT_GE(transaction.raced, 300);
    EXPECT_EQ(transaction.held, 0);
    EXPECT_EQ(transaction.miscounted, 0);
}

} // namespace
} // namespace pglocks::test
