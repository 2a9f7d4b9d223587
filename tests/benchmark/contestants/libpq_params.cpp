// SPDX-License-Identifier: BSL-1.0
#include "benchmark/libpq_session.hpp"

namespace pglocks::benchmark {
namespace {

/// PQexecParams and PQexecPrepared, the key in binary.
class libpq_params : public libpq_session {
public:
    using libpq_session::libpq_session;
    void lock() override { call("select pg_advisory_lock($1)"); }
    void unlock() override { call("select pg_advisory_unlock($1)"); }

private:
    void call(const char* sql) const {
        constexpr Oid bigint = 20;
        constexpr int binary = 1;
        constexpr int length = 8;
        const auto bytes = in_network_order(key());
        const auto* value = reinterpret_cast<const char*>(&bytes); // NOLINT: libpq takes bytes as characters
        expect(PQexecParams(conn(), sql, 1, &bigint, &value, &length, &binary, binary), PGRES_TUPLES_OK);
    }
};

class libpq_prepared : public libpq_session {
public:
    explicit libpq_prepared(const assignment& where) : libpq_session(where) {
        expect(PQprepare(conn(), "lock", "select pg_advisory_lock($1)", 0, nullptr), PGRES_COMMAND_OK);
        expect(PQprepare(conn(), "unlock", "select pg_advisory_unlock($1)", 0, nullptr), PGRES_COMMAND_OK);
    }
    void lock() override { call("lock"); }
    void unlock() override { call("unlock"); }

private:
    void call(const char* statement) const {
        constexpr int binary = 1;
        constexpr int length = 8;
        const auto bytes = in_network_order(key());
        const auto* value = reinterpret_cast<const char*>(&bytes); // NOLINT: libpq takes bytes as characters
        expect(PQexecPrepared(conn(), statement, 1, &value, &length, &binary, binary), PGRES_TUPLES_OK);
    }
};

const entry<libpq_params> params("libpq-params", "libpq PQexecParams",
                                 {task::alone, task::distinct, task::hot, task::hand_off});
const entry<libpq_prepared> prepared("libpq-prepared", "libpq PQexecPrepared",
                                     {task::alone, task::distinct, task::hot, task::hand_off});

} // namespace
} // namespace pglocks::benchmark
