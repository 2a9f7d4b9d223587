// SPDX-License-Identifier: BSL-1.0
// Transaction-scope locks by hand: BEGIN, a lock, COMMIT.
#include "benchmark/libpq_session.hpp"

#include <string>

namespace pglocks::benchmark {
namespace {

class libpq_transaction_text : public libpq_session {
public:
    explicit libpq_transaction_text(const assignment& where)
        : libpq_session(where),
          lock_("select pg_advisory_xact_lock(" + std::to_string(where.key) + ")") {}
    void lock() override {
        execute("begin", PGRES_COMMAND_OK);
        execute(lock_.c_str());
    }
    void unlock() override { execute("commit", PGRES_COMMAND_OK); }

private:
    std::string lock_;
};

/// BEGIN travels with the lock, in one message: a round trip less.
class libpq_transaction_combined : public libpq_session {
public:
    explicit libpq_transaction_combined(const assignment& where)
        : libpq_session(where),
          lock_("begin; select pg_advisory_xact_lock(" + std::to_string(where.key) + ")") {}
    void lock() override { execute(lock_.c_str()); }
    void unlock() override { execute("commit", PGRES_COMMAND_OK); }

private:
    std::string lock_;
};

class libpq_transaction_fast_path : public libpq_session {
public:
    using libpq_session::libpq_session;
    void lock() override {
        execute("begin", PGRES_COMMAND_OK);
        constexpr int pg_advisory_xact_lock = 3089; // its OID in pg_proc
        call_function(pg_advisory_xact_lock, key());
    }
    void unlock() override { execute("commit", PGRES_COMMAND_OK); }
};

const entry<libpq_transaction_text> text("libpq-transaction-text", "libpq BEGIN, PQexec, COMMIT",
                                         {task::transaction});
const entry<libpq_transaction_combined>
    combined("libpq-transaction-combined", "libpq BEGIN and lock in one PQexec, COMMIT", {task::transaction});
const entry<libpq_transaction_fast_path> fast_path("libpq-transaction-fast-path", "libpq BEGIN, PQfn, COMMIT",
                                                   {task::transaction});

} // namespace
} // namespace pglocks::benchmark
