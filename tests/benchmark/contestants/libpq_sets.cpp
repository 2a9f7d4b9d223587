// SPDX-License-Identifier: BSL-1.0
// Many keys at once, by hand: in a loop over single locks, and as an array that the server unnests.
#include "benchmark/key_set.hpp"
#include "benchmark/libpq_session.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pglocks::benchmark {
namespace {

class libpq_loop : public libpq_session {
public:
    explicit libpq_loop(const assignment& where) : libpq_session(where), keys_(key_set(where)) {}
    void lock() override {
        for (const auto key : keys_) {
            call_function(2880, key);
        }
    }
    void unlock() override {
        for (const auto key : keys_) {
            call_function(2884, key);
        }
    }

private:
    std::vector<std::int64_t> keys_;
};

/// The keys are sorted, so that two such sets do not deadlock.
class libpq_unnest : public libpq_session {
public:
    explicit libpq_unnest(const assignment& where) : libpq_session(where), size_(where.set_size) {
        for (const auto key : key_set(where)) {
            array_.append(array_.empty() ? "{" : ",").append(std::to_string(key));
        }
        array_.append("}");
        prepare("lock", "select count(pg_advisory_lock(k)::text) from unnest($1::bigint[]) k");
        prepare("unlock", "select count(*) from unnest($1::bigint[]) k where pg_advisory_unlock(k)");
    }
    void lock() override { call("lock"); }
    void unlock() override { call("unlock"); }

private:
    void prepare(const char* name, const char* sql) const {
        expect(PQprepare(conn(), name, sql, 0, nullptr), PGRES_COMMAND_OK);
    }
    void call(const char* statement) const {
        const char* value = array_.c_str();
        const result reply(PQexecPrepared(conn(), statement, 1, &value, nullptr, nullptr, 0));
        if (PQresultStatus(reply.get()) != PGRES_TUPLES_OK ||
            std::stoul(PQgetvalue(reply.get(), 0, 0)) != size_) {
            throw std::runtime_error("not every key of the set: " + std::string(PQerrorMessage(conn())));
        }
    }

    std::size_t size_;
    std::string array_;
};

const entry<libpq_loop> loop("libpq-set-loop", "libpq PQfn in a loop", {task::set});
const entry<libpq_unnest> unnest("libpq-set-unnest", "libpq prepared, unnest", {task::set});

} // namespace
} // namespace pglocks::benchmark
