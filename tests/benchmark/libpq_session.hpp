// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "benchmark/contestant.hpp"

#include <libpq-fe.h>

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace pglocks::benchmark {

struct deleter {
    void operator()(PGconn* conn) const noexcept { PQfinish(conn); }
    void operator()(PGresult* reply) const noexcept { PQclear(reply); }
};
using connection = std::unique_ptr<PGconn, deleter>;
using result = std::unique_ptr<PGresult, deleter>;

/// *Throws*: std::runtime_error.
[[nodiscard]] inline connection connect(const std::string& conninfo) {
    connection made(PQconnectdb(conninfo.c_str()));
    if (PQstatus(made.get()) != CONNECTION_OK) {
        throw std::runtime_error(PQerrorMessage(made.get()));
    }
    return made;
}

/// An integer as PostgreSQL's binary format has it.
[[nodiscard]] inline std::uint64_t in_network_order(std::int64_t value) noexcept {
    const auto bits = static_cast<std::uint64_t>(value);
    return std::endian::native == std::endian::little ? __builtin_bswap64(bits) : bits;
}

/// A contestant of libpq's own, written as a careful programmer would by hand: nothing is done in a cycle
/// that can be done before, and every answer is looked at.
class libpq_session : public session {
public:
    explicit libpq_session(const assignment& where) : key_(where.key), conn_(connect(where.conninfo)) {}

protected:
    [[nodiscard]] PGconn* conn() const noexcept { return conn_.get(); }
    [[nodiscard]] std::int64_t key() const noexcept { return key_; }

    /// *Throws*: std::runtime_error, if the answer is another one.
    void expect(PGresult* reply, ExecStatusType status) const {
        const result owned(reply);
        if (PQresultStatus(reply) != status) {
            throw std::runtime_error(std::string(PQresStatus(PQresultStatus(reply))) + ": " +
                                     PQerrorMessage(conn()));
        }
    }
    void execute(const char* sql, ExecStatusType status = PGRES_TUPLES_OK) const {
        expect(PQexec(conn(), sql), status);
    }
    /// Calls a function of a bigint by its OID in pg_proc.
    void call_function(int function, std::int64_t argument) const {
        auto bytes = in_network_order(argument);
        PQArgBlock block{};
        block.len = 8;
        block.u.ptr = reinterpret_cast<int*>(&bytes); // NOLINT: the type of libpq's argument block
        std::array<int, 4> value{};
        int length = 0;
        expect(PQfn(conn(), function, value.data(), &length, 0, &block, 1), PGRES_COMMAND_OK);
    }

private:
    std::int64_t key_;
    connection conn_;
};

} // namespace pglocks::benchmark
