// SPDX-License-Identifier: BSL-1.0
// Two round trips that do nothing: what no lock and release can do without.
#include "benchmark/libpq_session.hpp"

#include <array>

namespace pglocks::benchmark {
namespace {

/// An empty query string: the server parses nothing, plans nothing, calls nothing, and takes no snapshot.
class empty_query : public libpq_session {
public:
    using libpq_session::libpq_session;
    void lock() override { execute("", PGRES_EMPTY_QUERY); }
    void unlock() override { lock(); }
};

/// A function that answers a constant of its process, through the fast path.
class empty_fast_path : public libpq_session {
public:
    using libpq_session::libpq_session;
    void lock() override {
        constexpr int pg_backend_pid = 2026; // its OID in pg_proc
        std::array<int, 4> value{};
        int length = 0;
        expect(PQfn(conn(), pg_backend_pid, value.data(), &length, 1, nullptr, 0), PGRES_COMMAND_OK);
    }
    void unlock() override { lock(); }
};

/// A statement that was prepared, and has neither parameters nor columns.
class empty_prepared : public libpq_session {
public:
    explicit empty_prepared(const assignment& where) : libpq_session(where) {
        expect(PQprepare(conn(), "empty", "", 0, nullptr), PGRES_COMMAND_OK);
    }
    void lock() override {
        expect(PQexecPrepared(conn(), "empty", 0, nullptr, nullptr, nullptr, 0), PGRES_EMPTY_QUERY);
    }
    void unlock() override { lock(); }
};

const entry<empty_query> query("empty-query", "2 empty round trips: PQexec(\"\")",
                               {task::empty, task::alone, task::distinct});
const entry<empty_fast_path> fast_path("empty-fast-path", "2 empty round trips: PQfn(pg_backend_pid)",
                                       {task::empty, task::alone});
const entry<empty_prepared> prepared("empty-prepared", "2 empty round trips: prepared \"\"",
                                     {task::empty, task::alone});

} // namespace
} // namespace pglocks::benchmark
