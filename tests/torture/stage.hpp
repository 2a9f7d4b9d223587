// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/pgbouncer.hpp"
#include "support/postgres_server.hpp"
#include "support/remote_network.hpp"
#include "support/tcp_proxy.hpp"
#include "torture/options.hpp"
#include "torture/worker_session.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace pglocks::torture {

/// Everything between workers and locks: a network, a server, a proxy and a pooler, all private.
class stage {
public:
    /// *Throws*: std::runtime_error that says what is missing.
    explicit stage(const options& chosen);

    [[nodiscard]] test::postgres_server& server() noexcept { return server_; }
    [[nodiscard]] test::tcp_proxy& proxy() noexcept { return proxy_; }
    [[nodiscard]] test::pgbouncer& pooler() noexcept { return pooler_; }
    /// None without the privileges; that route then leads through a proxy of its own, which can stall.
    [[nodiscard]] test::remote_network* network() noexcept { return network_ ? &*network_ : nullptr; }
    /// *Requires*: there is no network().
    [[nodiscard]] test::tcp_proxy& network_proxy() { return network_proxy_.value(); }
    [[nodiscard]] const std::string& why_no_network() const noexcept { return why_no_network_; }
    [[nodiscard]] torture::directions directions() const;
    /// For a look from outside, without the server's warnings that it is about to crash.
    [[nodiscard]] std::string conninfo() const {
        return server_.conninfo() + " options='-c client_min_messages=error'";
    }

private:
    std::string why_no_network_;
    std::optional<test::remote_network> network_;
    std::uint16_t port_;
    test::postgres_server server_;
    test::tcp_proxy proxy_;
    std::optional<test::tcp_proxy> network_proxy_;
    test::pgbouncer pooler_;
};

} // namespace pglocks::torture
