// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key.hpp>
#include <pglocks/postgres/functions.hpp>
#include <pglocks/postgres/interruptible.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <endian.h>
#include <string_view>
#include <utility>

namespace pglocks::postgres {

/// A key as text parameters of a statement.
class key_parameters {
public:
    explicit key_parameters(lock_key key) noexcept : count_(key.is_pair() ? 2 : 1) {
        if (key.is_pair()) {
            print(first_, key.first());
            print(second_, key.second());
        } else {
            print(first_, key.bits());
        }
    }

    [[nodiscard]] int count() const noexcept { return count_; }
    [[nodiscard]] const char* first() const noexcept { return first_.data(); }
    [[nodiscard]] const char* second() const noexcept { return second_.data(); }

private:
    using digits = std::array<char, 24>; // zeroed, hence NUL-terminated

    static void print(digits& to, std::int64_t number) noexcept {
        std::to_chars(to.data(), to.data() + to.size() - 1, number);
    }

    int count_;
    digits first_{};
    digits second_{};
};

/// The answer of one function call.
struct answer {
    result reply{};
    bool ok = false;       ///< the server has answered, and not with an error
    bool yes = false;      ///< it answered true, or nothing (the functions that wait)
    bool switched = false; ///< it was not called: a pooler has led the statement to another backend
};

/// Calls a function by its OID through libpq's fast path: no parsing, no planning, no search_path; one round
/// trip.
[[nodiscard]] inline answer call_by_oid(PGconn* conn, std::size_t function, lock_key key) noexcept {
    std::array<PQArgBlock, 2> arguments; // NOLINT(*-member-init): what is not written is not read
    std::uint64_t bigint = htobe64(static_cast<std::uint64_t>(key.bits()));
    if (key.is_pair()) {
        arguments[0] = {.len = 4, .isint = 1, .u = {.integer = key.first()}};
        arguments[1] = {.len = 4, .isint = 1, .u = {.integer = key.second()}};
    } else {
        arguments[0] = {
            .len = 8, .isint = 0, .u = {.ptr = reinterpret_cast<int*>(&bigint)}}; // NOLINT: libpq's type
    }
    // libpq writes as many bytes as the server sends, whatever it was told: the OIDs were verified, and this
    // is ample. A function that waits sends nothing, which stands for yes.
    std::array<int, 64> value; // NOLINT(*-member-init)
    value[0] = -1;
    int length = 0;
    constexpr int as_bytes = 0; // 1 with a bool makes libpq wait for ever
    answer a{.reply = result(PQfn(conn, static_cast<int>(functions[function].oid), value.data(), &length,
                                  as_bytes, arguments.data(), key.is_pair() ? 2 : 1))};
    a.ok = PQresultStatus(a.reply.get()) == PGRES_COMMAND_OK;
    a.yes = a.ok && *reinterpret_cast<const char*>(value.data()) != 0; // NOLINT
    return a;
}

/// What a query with one value answered; null is the answer of a guarded one on another backend.
[[nodiscard]] inline answer answer_of(result reply) noexcept {
    answer a{.reply = std::move(reply)};
    a.ok = PQresultStatus(a.reply.get()) == PGRES_TUPLES_OK && PQntuples(a.reply.get()) == 1;
    a.switched = a.ok && PQgetisnull(a.reply.get(), 0, 0) != 0;
    a.yes = a.ok && !a.switched && std::string_view(PQgetvalue(a.reply.get(), 0, 0)) != "f";
    return a;
}

/// Calls a function by one of the qualified, parameterised queries, for a server without PostgreSQL's OIDs,
/// and for waits, since this shows in `pg_stat_activity` and in deadlock reports; one round trip.
[[nodiscard]] inline answer call_by_query(PGconn* conn, const char* statement, lock_key key) noexcept {
    const key_parameters parameters(key);
    const std::array<const char*, 2> values{parameters.first(), parameters.second()};
    return answer_of(result(
        PQexecParams(conn, statement, parameters.count(), nullptr, values.data(), nullptr, nullptr, 0)));
}

/// As `call_by_query`, with an answer that `reader` waits for. *Throws*: as the reader.
[[nodiscard]] inline answer call_by_query(PGconn* conn, const char* statement, lock_key key,
                                          interruptible_reader& reader, bool may_cancel) {
    const key_parameters parameters(key);
    const std::array<const char*, 2> values{parameters.first(), parameters.second()};
    reader.asks();
    if (PQsendQueryParams(conn, statement, parameters.count(), nullptr, values.data(), nullptr, nullptr, 0) ==
        0) {
        return {};
    }
    answer a = answer_of(reader.next(key, may_cancel));
    while (reader.next(key, may_cancel)) {
    } // a statement's results end with a null
    return a;
}

} // namespace pglocks::postgres
