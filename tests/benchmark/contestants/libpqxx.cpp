// SPDX-License-Identifier: BSL-1.0
#include "benchmark/contestant.hpp"

#include <pqxx/pqxx>

namespace pglocks::benchmark {
namespace {

/// On one pqxx::nontransaction: a transaction each time would cost two more round trips.
class libpqxx_params : public session {
public:
    explicit libpqxx_params(const assignment& where) : key_(where.key), conn_(where.conninfo), work_(conn_) {}
    void lock() override { work_.exec_params("select pg_advisory_lock($1)", key_); }
    void unlock() override { work_.exec_params("select pg_advisory_unlock($1)", key_); }

private:
    long long key_;
    pqxx::connection conn_;
    pqxx::nontransaction work_;
};

class libpqxx_prepared : public session {
public:
    explicit libpqxx_prepared(const assignment& where)
        : key_(where.key),
          conn_(where.conninfo),
          work_(conn_) {
        conn_.prepare("lock", "select pg_advisory_lock($1)");
        conn_.prepare("unlock", "select pg_advisory_unlock($1)");
    }
    void lock() override { work_.exec_prepared("lock", key_); }
    void unlock() override { work_.exec_prepared("unlock", key_); }

private:
    long long key_;
    pqxx::connection conn_;
    pqxx::nontransaction work_;
};

const entry<libpqxx_params> params("libpqxx-params", "libpqxx exec_params", {task::alone, task::hand_off});
const entry<libpqxx_prepared> prepared("libpqxx-prepared", "libpqxx exec_prepared",
                                       {task::alone, task::distinct, task::hot, task::hand_off});

} // namespace
} // namespace pglocks::benchmark
