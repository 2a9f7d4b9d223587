// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/key.hpp>
#include <pglocks/postgres/functions.hpp>
#include <pglocks/postgres/result.hpp>

#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

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
    bool ok = false;  ///< the server has answered, and not with an error
    bool yes = false; ///< it answered true, or nothing (the functions that wait)
};

/// Calls a function by its OID through libpq's fast path: no parsing, no planning, no search_path; one round
/// trip.
[[nodiscard]] inline answer call_by_oid(PGconn* conn, std::size_t function, lock_key key) noexcept {
    std::array<PQArgBlock, 2> arguments{};
    int count = 1;
    // Both wire forms are the same eight bytes: a bigint, or two integers one after the other.
    alignas(int) std::array<char, 8> bytes;
    digest::store_big_u64(static_cast<std::uint64_t>(key.bits()), bytes.data());
    if (key.is_pair()) {
        count = 2;
        for (std::size_t i = 0; i < 2; ++i) {
            arguments[i].len = 4;
            arguments[i].u.integer = i == 0 ? key.first() : key.second();
            arguments[i].isint = 1;
        }
    } else {
        arguments[0].len = 8;
        arguments[0].u.ptr =
            reinterpret_cast<int*>(bytes.data()); // NOLINT: the type of libpq's argument block
    }
    // libpq writes as many bytes as the server sends, whatever it was told: the OIDs were verified, and this
    // is ample.
    std::array<int, 64> value{};
    int length = 0;
    constexpr int as_bytes = 0; // 1 with a bool makes libpq wait for ever
    answer a;
    a.reply.reset(PQfn(conn, static_cast<int>(functions[function].oid), value.data(), &length, as_bytes,
                       arguments.data(), count));
    a.ok = PQresultStatus(a.reply.get()) == PGRES_COMMAND_OK;
    a.yes = a.ok && (length == 0 || *reinterpret_cast<const char*>(value.data()) != 0); // NOLINT
    return a;
}

/// Calls a function by a qualified, parameterised query, for a server without PostgreSQL's OIDs, and for
/// waits, since this shows in `pg_stat_activity` and in deadlock reports; one round trip.
[[nodiscard]] inline answer call_by_query(PGconn* conn, std::size_t function, lock_key key) noexcept {
    const key_parameters parameters(key);
    const std::array<const char*, 2> values{parameters.first(), parameters.second()};
    answer a;
    a.reply.reset(PQexecParams(conn, calls[function].c_str(), parameters.count(), nullptr, values.data(),
                               nullptr, nullptr, 0));
    a.ok = PQresultStatus(a.reply.get()) == PGRES_TUPLES_OK && PQntuples(a.reply.get()) == 1;
    a.yes = a.ok && std::string_view(PQgetvalue(a.reply.get(), 0, 0)) != "f";
    return a;
}

} // namespace pglocks::postgres
