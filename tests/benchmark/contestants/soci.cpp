// SPDX-License-Identifier: BSL-1.0
// What one writes with SOCI alone.
#include "benchmark/contestant.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

namespace pglocks::benchmark {
namespace {

class soci_one_shot : public session {
public:
    explicit soci_one_shot(const assignment& where)
        : key_(where.key),
          sql_(soci::postgresql, where.conninfo) {}
    void lock() override { sql_ << "select pg_advisory_lock(:key)", soci::use(key_); }
    void unlock() override { sql_ << "select pg_advisory_unlock(:key)", soci::use(key_); }

private:
    long long key_;
    soci::session sql_;
};

/// A statement that is made anew for each call, which costs a round trip to prepare it and one to forget it.
class soci_statement : public session {
public:
    explicit soci_statement(const assignment& where)
        : key_(where.key),
          sql_(soci::postgresql, where.conninfo) {}
    void lock() override { call("select pg_advisory_lock(:key)"); }
    void unlock() override { call("select pg_advisory_unlock(:key)"); }

private:
    void call(const char* query) {
        soci::statement statement = (sql_.prepare << query, soci::use(key_));
        statement.execute(true);
    }

    long long key_;
    soci::session sql_;
};

class soci_prepared : public session {
public:
    explicit soci_prepared(const assignment& where)
        : key_(where.key),
          sql_(soci::postgresql, where.conninfo),
          lock_((sql_.prepare << "select pg_advisory_lock(:key)", soci::use(key_))),
          unlock_((sql_.prepare << "select pg_advisory_unlock(:key)", soci::use(key_))) {}
    void lock() override { lock_.execute(true); }
    void unlock() override { unlock_.execute(true); }

private:
    long long key_;
    soci::session sql_;
    soci::statement lock_;
    soci::statement unlock_;
};

class soci_transaction : public session {
public:
    explicit soci_transaction(const assignment& where)
        : key_(where.key),
          sql_(soci::postgresql, where.conninfo) {}
    void lock() override {
        sql_.begin();
        sql_ << "select pg_advisory_xact_lock(:key)", soci::use(key_);
    }
    void unlock() override { sql_.commit(); }

private:
    long long key_;
    soci::session sql_;
};

const entry<soci_one_shot> one_shot("soci-one-shot", "SOCI one-shot",
                                    {task::alone, task::distinct, task::hot, task::hand_off});
const entry<soci_statement> statement("soci-statement", "SOCI statement, prepared each time", {task::alone});
const entry<soci_prepared> prepared("soci-prepared", "SOCI statement, prepared once",
                                    {task::alone, task::distinct, task::hot, task::hand_off});
const entry<soci_transaction> transaction("soci-transaction", "SOCI BEGIN, one-shot, COMMIT",
                                          {task::transaction});

} // namespace
} // namespace pglocks::benchmark
