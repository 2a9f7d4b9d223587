// SPDX-License-Identifier: BSL-1.0
#include "check.hpp"

#include <pglocks/pglocks.hpp>
#include <pglocks/postgres/connection_state.hpp>

#include "connect.hpp"
#include "exit_status.hpp"
#include "text.hpp"

#include <iostream>
#include <string>
#include <vector>

namespace pglock {

namespace {

using rows = std::vector<std::vector<std::string>>;

void add_facts(rows& all, const pglocks::postgres::server_facts& facts) {
    all.push_back({"connection", facts.pooled ? "pooled: somebody stands between pglock and the server"
                                              : "direct, backend " + std::to_string(facts.backend_pid)});
    all.push_back({"role", facts.standby ? "standby: its locks exclude nobody on the primary" : "primary"});
    all.push_back({"server", facts.look_alike ? "a look-alike: its locks exclude nobody"
                             : facts.has_oids ? "PostgreSQL"
                                              : "PostgreSQL's functions are not at PostgreSQL's numbers"});
}

void add_settings(rows& all, soci::session& session) {
    std::string address;
    soci::indicator has_address = soci::i_null;
    session << "select pg_catalog.host(pg_catalog.inet_client_addr())", soci::into(address, has_address);
    all.push_back({"transport", has_address == soci::i_ok ? "TCP, seen from the server as " + address
                                                          : "Unix socket: no network to be cut"});
    const soci::rowset<soci::row> settings =
        (session.prepare << "select s.name::text, pg_catalog.concat_ws(' ', s.setting, s.unit)::text "
                            "from pg_catalog.pg_settings s where s.name operator(pg_catalog.=) any "
                            "('{client_connection_check_interval,tcp_keepalives_idle,"
                            "tcp_keepalives_interval,tcp_keepalives_count,tcp_user_timeout,"
                            "idle_session_timeout,lock_timeout,statement_timeout}'::text[]) "
                            "order by s.name collate \"C\"");
    for (const soci::row& setting : settings) {
        all.push_back({"setting", setting.get<std::string>(0) + " = " + setting.get<std::string>(1)});
    }
}

} // namespace

int check_connection(const options& given) {
    const auto session = open_session(given);
    const auto state = pglocks::postgres::connection_state::of(pglocks::postgres::libpq_connection(*session));
    rows all;
    add_facts(all, state->facts(std::nullopt, nullptr));
    add_settings(all, *session);
    int status = exit_status::success;
    try {
        // A shared lock on a key that no name of ours has: the library itself says what it would refuse.
        const pglocks::try_shared_advisory_lock probe(*session, pglocks::lock_key(0x7067'6c6f, 0x6b00'0000));
        all.push_back({"locks", probe ? "can be had" : "can be had (the probe's key was held)"});
    } catch (const pglocks::lock_error& error) {
        status = exit_status::unavailable;
        all.push_back({"locks", "refused: " + message_of(error, given)});
    }
    std::cout << table(all) << std::flush;
    return status;
}

} // namespace pglock
