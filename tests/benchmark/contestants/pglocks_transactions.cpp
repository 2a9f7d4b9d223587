// SPDX-License-Identifier: BSL-1.0
#include <pglocks/pglocks.hpp>

#include "benchmark/contestant.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <optional>

namespace pglocks::benchmark {
namespace {

/// BEGIN, a lock of transaction scope, COMMIT.
class pglocks_transaction : public session {
public:
    explicit pglocks_transaction(const assignment& where)
        : key_(where.key),
          sql_(soci::postgresql, where.conninfo) {}
    void lock() override {
        transaction_.emplace(sql_);
        lock_.emplace(*transaction_, key_);
    }
    void unlock() override {
        transaction_->commit();
        lock_.reset();
    }

private:
    std::int64_t key_;
    soci::session sql_;
    std::optional<transaction> transaction_;
    std::optional<transaction_advisory_lock> lock_;
};

/// BEGIN, a lock of session scope that is released when the transaction has ended, COMMIT.
class pglocks_pending_release : public session {
public:
    explicit pglocks_pending_release(const assignment& where)
        : key_(where.key),
          sql_(soci::postgresql, where.conninfo) {}
    void lock() override {
        transaction_.emplace(sql_);
        const advisory_lock guard(sql_, key_);
    }
    void unlock() override { transaction_->commit(); }

private:
    std::int64_t key_;
    soci::session sql_;
    std::optional<transaction> transaction_;
};

const entry<pglocks_transaction> transaction_scope("pglocks-transaction",
                                                   "pglocks BEGIN, scope::transaction, COMMIT",
                                                   {task::transaction});
const entry<pglocks_pending_release> pending_release("pglocks-pending-release",
                                                     "pglocks BEGIN, guard, COMMIT, then its pending release",
                                                     {task::transaction});

} // namespace
} // namespace pglocks::benchmark
