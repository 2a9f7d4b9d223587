// SPDX-License-Identifier: BSL-1.0
#include "support/server_address.hpp"

#include "support/observer.hpp"

#include <libpq-fe.h>

#include <memory>
#include <string_view>

namespace pglocks::test {

server_address address_of(const server& where) {
    const std::unique_ptr<PGconn, decltype([](PGconn* c) { PQfinish(c); })> connection(
        PQconnectdb(where.conninfo().c_str()));
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw sql_error(PQerrorMessage(connection.get()), "");
    const std::string_view number = PQhostaddr(connection.get());
    return {.host = std::string(number.empty() ? PQhost(connection.get()) : number),
            .port = PQport(connection.get()),
            .user = PQuser(connection.get()),
            .password = PQpass(connection.get())};
}

} // namespace pglocks::test
