// SPDX-License-Identifier: BSL-1.0
#include "benchmark/libpq_session.hpp"

namespace pglocks::benchmark {
namespace {

/// Prepared statements in pipeline mode: the release is sent at once, and its answer read only with the next
/// lock's. That hides a round trip, and an error of the release until then.
class libpq_pipelined : public libpq_session {
public:
    explicit libpq_pipelined(const assignment& where) : libpq_session(where) {
        expect(PQprepare(conn(), "lock", "select pg_advisory_lock($1)", 0, nullptr), PGRES_COMMAND_OK);
        expect(PQprepare(conn(), "unlock", "select pg_advisory_unlock($1)", 0, nullptr), PGRES_COMMAND_OK);
        if (PQenterPipelineMode(conn()) == 0) {
            throw std::runtime_error("libpq does not enter pipeline mode");
        }
    }
    void lock() override {
        send("lock");
        for (; unread_ > 0; --unread_) {
            expect(PQgetResult(conn()), PGRES_TUPLES_OK);
            if (const result end(PQgetResult(conn())); end) {
                throw std::runtime_error("a statement has two answers");
            }
            expect(PQgetResult(conn()), PGRES_PIPELINE_SYNC);
        }
    }
    void unlock() override { send("unlock"); }

private:
    void send(const char* statement) {
        constexpr int binary = 1;
        constexpr int length = 8;
        const auto bytes = in_network_order(key());
        const auto* value = reinterpret_cast<const char*>(&bytes); // NOLINT: libpq takes bytes as characters
        if (PQsendQueryPrepared(conn(), statement, 1, &value, &length, &binary, binary) == 0 ||
            PQpipelineSync(conn()) == 0) {
            throw std::runtime_error(PQerrorMessage(conn()));
        }
        ++unread_;
    }

    int unread_ = 0;
};

const entry<libpq_pipelined> pipelined("libpq-pipelined", "libpq pipeline, the release's answer unread",
                                       {task::alone, task::distinct, task::hot});

} // namespace
} // namespace pglocks::benchmark
