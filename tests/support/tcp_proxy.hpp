// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/server.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace pglocks::test {

/// A proxy on a loopback TCP port in front of a PostgreSQL server or a pooler, for a network that does what a
/// test needs; it runs in a thread of this process.
///
/// Its conninfo() is the server's, but leads to the proxy. Every function returns when it has taken effect:
/// nothing that the proxy has not yet passed on escapes it. Cancel requests go through it, too.
class tcp_proxy : public server {
public:
    /// Begins to forward.
    /// *Throws*: sql_error, if the server cannot be reached; std::system_error.
    explicit tcp_proxy(const server& upstream);

    /// Closes all connections.
    ~tcp_proxy();

    tcp_proxy(const tcp_proxy&) = delete;
    tcp_proxy& operator=(const tcp_proxy&) = delete;

    /// From now on passes everything on at once, also what was held back: heals a stalled network.
    void forward();

    /// From now on sends each byte of the server's replies alone, and the next one only when the client has
    /// read it.
    void split_replies();

    /// From now on accepts connections and data, from both sides, and passes nothing on, ends and resets
    /// included. To either side the other is silent.
    void stall();

    /// From now on passes everything on so much later.
    void delay(std::chrono::milliseconds each_way);

    /// Resets all connections (RST), on both sides.
    void reset();

    /// Resets the connection of this client.
    /// *Requires*: it is connected through this proxy. *Throws*: std::logic_error, if it is not.
    void reset(const PGconn* client);

    /// Resets the connection that leads to the server from this port, one of upstream_ports().
    /// \returns whether it was still open.
    bool reset(std::uint16_t upstream_port);

    /// The ports from which it is connected to the server: pg_stat_activity.client_port.
    /// *Requires*: it was made with a server's TCP address.
    [[nodiscard]] std::vector<std::uint16_t> upstream_ports() const;

    /// How many connections are open.
    [[nodiscard]] std::size_t connections() const;

    /// How many bytes of replies were sent alone.
    [[nodiscard]] std::size_t split_bytes() const;

private:
    class loop;
    std::unique_ptr<loop> loop_;
};

} // namespace pglocks::test
