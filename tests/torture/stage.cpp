// SPDX-License-Identifier: BSL-1.0
#include "torture/stage.hpp"

#include "support/free_port.hpp"
#include "support/observer.hpp"
#include "torture/counter_row.hpp"

#include <csignal>
#include <exception>
#include <fstream>

namespace pglocks::torture {
namespace {

std::optional<test::remote_network> make_network(std::string& why_not) {
    try {
        return std::optional<test::remote_network>(std::in_place);
    } catch (const std::exception& error) {
        why_not = error.what();
        return std::nullopt;
    }
}

test::postgres_server::settings settings(const options& chosen, std::uint16_t port,
                                         const std::optional<test::remote_network>& network) {
    const unsigned workers = chosen.processes * chosen.threads;
    return {{"port", std::to_string(port)},
            {"listen_addresses", "127.0.0.1" + (network ? ',' + network->near_address() : std::string())},
            {"max_connections", std::to_string(6 * workers + 40)},
            {"synchronous_commit", "on"}, // a write that was confirmed outlives a crash of the server
            {"log_min_messages", "error"}};
}

std::string over_tcp(const std::string& address, std::uint16_t port) {
    return "host=" + address + " port=" + std::to_string(port) +
           " user=postgres dbname=postgres sslmode=disable gssencmode=disable";
}

} // namespace

stage::stage(const options& chosen)
    : network_(make_network(why_no_network_)),
      port_(test::free_port()),
      server_(settings(chosen, port_, network_)),
      proxy_(test::server(over_tcp("127.0.0.1", port_))),
      pooler_(server_,
              chosen.control == control::unchecked_pooler ? test::pool_mode::transaction
                                                          : test::pool_mode::session,
              {{"max_client_conn", "2000"},
               {"default_pool_size", std::to_string(3 * chosen.processes * chosen.threads)},
               {"server_login_retry", "0.1"},
               {"query_wait_timeout", "5"}}) {
    if (!network_) {
        network_proxy_.emplace(test::server(over_tcp("127.0.0.1", port_)));
    } else {
        std::ofstream(server_.directory() / "data/pg_hba.conf", std::ios::app)
            << "host all all " << network_->far_address() << "/32 trust\n";
        ::kill(server_.process_id(), SIGHUP);
    }
    test::observer(server_.conninfo()).exec(counter_row::schema(chosen.keys));
}

directions stage::directions() const {
    torture::directions to;
    to.conninfo = {server_.conninfo(), proxy_.conninfo(),
                   network_ ? over_tcp(network_->near_address(), port_) : network_proxy_.value().conninfo(),
                   pooler_.conninfo()};
    to.network_namespace = network_ ? network_->path() : std::string();
    return to;
}

} // namespace pglocks::torture
