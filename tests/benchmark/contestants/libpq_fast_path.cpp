// SPDX-License-Identifier: BSL-1.0
#include "benchmark/libpq_session.hpp"

#include <string>

namespace pglocks::benchmark {
namespace {

/// PQfn with the function's OID: the cheapest call that libpq has.
class libpq_fast_path : public libpq_session {
public:
    using libpq_session::libpq_session;
    void lock() override { call_function(2880, key()); }
    void unlock() override { call_function(2884, key()); }
};

/// Waits by PQexec, which `pg_stat_activity` shows, and releases by PQfn: the quickest of both that can be
/// seen.
class libpq_visible_wait : public libpq_fast_path {
public:
    explicit libpq_visible_wait(const assignment& where)
        : libpq_fast_path(where),
          lock_("select pg_advisory_lock(" + std::to_string(where.key) + ")") {}
    void lock() override { execute(lock_.c_str()); }

private:
    std::string lock_;
};

const entry<libpq_fast_path> fast_path("libpq-fast-path", "libpq PQfn",
                                       {task::alone, task::distinct, task::hot, task::hand_off});
const entry<libpq_visible_wait> visible_wait("libpq-visible-wait", "libpq PQexec, released by PQfn",
                                             {task::hand_off});

} // namespace
} // namespace pglocks::benchmark
