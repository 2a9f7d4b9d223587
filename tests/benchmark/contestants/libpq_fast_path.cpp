// SPDX-License-Identifier: BSL-1.0
#include "benchmark/libpq_session.hpp"

#include <array>
#include <string>

namespace pglocks::benchmark {
namespace {

/// PQfn with the function's OID: the cheapest call that libpq has.
class libpq_fast_path : public libpq_session {
public:
    using libpq_session::libpq_session;
    void lock() override { call(2880); }
    void unlock() override { call(2884); }

private:
    void call(int function) const {
        auto bytes = in_network_order(key());
        PQArgBlock argument{};
        argument.len = 8;
        argument.u.ptr = reinterpret_cast<int*>(&bytes); // NOLINT: the type of libpq's argument block
        std::array<int, 4> value{};
        int length = 0;
        expect(PQfn(conn(), function, value.data(), &length, 0, &argument, 1), PGRES_COMMAND_OK);
    }
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
