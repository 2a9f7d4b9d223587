// SPDX-License-Identifier: BSL-1.0
// Locks and unlocks so often, in one way, for whoever counts what that costs: cycles WAY COUNT CONNINFO

#include <pglocks/pglocks.hpp>

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <endian.h>
#include <exception>
#include <iostream>
#include <map>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace pglocks::literals;

constexpr std::int64_t key = 42;

/// The shortest loop that can be written by hand: libpq's fast path, function by OID, key in binary.
void call(PGconn* conn, int function) {
    std::uint64_t bytes = htobe64(static_cast<std::uint64_t>(key));
    PQArgBlock argument{};
    argument.len = sizeof bytes;
    argument.u.ptr = reinterpret_cast<int*>(&bytes); // NOLINT: libpq's type
    std::array<int, 16> answer;                      // NOLINT(*-member-init): libpq writes it
    int length = 0;
    PGresult* const result = PQfn(conn, function, answer.data(), &length, 0, &argument, 1);
    if (PQresultStatus(result) != PGRES_COMMAND_OK ||
        *reinterpret_cast<char*>(answer.data()) == 0) { // NOLINT
        throw std::runtime_error(PQerrorMessage(conn));
    }
    PQclear(result);
}

void by_hand(soci::session& session, int count) {
    PGconn* const conn = pglocks::postgres::libpq_connection(session);
    for (int i = 0; i < count; ++i) {
        call(conn, 2882); // pg_try_advisory_lock
        call(conn, 2884); // pg_advisory_unlock
    }
}

extern "C" int on_nothing(PGEventId /*event*/, void* /*info*/, void* /*pass_through*/) { return 1; }

void by_hand_with_an_event_procedure(soci::session& session, int count) {
    PQregisterEventProc(pglocks::postgres::libpq_connection(session), &on_nothing, "nothing", nullptr);
    by_hand(session, count);
}

template <class Lock>
void locks(soci::session& session, int count) {
    Lock lock(session, key, std::defer_lock);
    for (int i = 0; i < count; ++i) {
        lock.lock();
        lock.unlock();
    }
}

template <class Lock>
void tries(soci::session& session, int count) {
    Lock lock(session, key, std::defer_lock);
    for (int i = 0; i < count; ++i) {
        if (!lock.try_lock()) {
            throw std::runtime_error("somebody else holds the lock");
        }
        lock.unlock();
    }
}

void guards_of_a_literal(soci::session& session, int count) {
    for (int i = 0; i < count; ++i) {
        const pglocks::advisory_lock lock(session, "nightly-report"_lock);
    }
}

void guards_of_a_name(soci::session& session, int count) {
    const std::string name = "nightly-report";
    for (int i = 0; i < count; ++i) {
        const pglocks::advisory_lock lock(session, name);
    }
}

using way = void (*)(soci::session&, int);
const std::map<std::string_view, way> ways{
    {"libpq", &by_hand},
    {"libpq-with-event", &by_hand_with_an_event_procedure},
    {"advisory_lock", &locks<pglocks::advisory_lock>},
    {"shared_advisory_lock", &locks<pglocks::shared_advisory_lock>},
    {"try_advisory_lock", &tries<pglocks::try_advisory_lock>},
    {"guard-of-a-literal", &guards_of_a_literal},
    {"guard-of-a-name", &guards_of_a_name},
};

} // namespace

int main(int argc, char** argv) {
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    if (arguments.size() != 4 || !ways.contains(arguments[1])) {
        std::cerr << "Usage: cycles WAY COUNT CONNINFO\n";
        return 2;
    }
    try {
        soci::session session(soci::postgresql, arguments[3]);
        ways.at(arguments[1])(session, std::atoi(arguments[2]));
    } catch (const std::exception& error) {
        std::cerr << "cycles: " << error.what() << '\n';
        return 1;
    }
}
