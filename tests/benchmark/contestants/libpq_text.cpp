// SPDX-License-Identifier: BSL-1.0
#include "benchmark/libpq_session.hpp"

#include <string>

namespace pglocks::benchmark {
namespace {

/// PQexec, the key in the text.
class libpq_text : public libpq_session {
public:
    explicit libpq_text(const assignment& where)
        : libpq_session(where),
          lock_("select pg_advisory_lock(" + std::to_string(where.key) + ")"),
          unlock_("select pg_advisory_unlock(" + std::to_string(where.key) + ")") {}
    void lock() override { execute(lock_.c_str()); }
    void unlock() override { execute(unlock_.c_str()); }

private:
    std::string lock_;
    std::string unlock_;
};

const entry<libpq_text> text("libpq-text", "libpq PQexec",
                             {task::alone, task::distinct, task::hot, task::hand_off});

} // namespace
} // namespace pglocks::benchmark
