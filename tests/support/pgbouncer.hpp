// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"
#include "support/guarded_directory.hpp"
#include "support/server.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>

namespace pglocks::test {

/// When a pooler gives a client's backend to another client.
///
/// Source: PgBouncer's manual, pool_mode.
enum class pool_mode : std::uint8_t { session, transaction, statement };

/// A PgBouncer of the test's own in front of a server, in a private directory.
///
/// Its conninfo() is the server's, but leads through it. Every database of the server can be reached, as the
/// server's user whatever the client says, and all clients of a database share one pool. Run by root, it
/// belongs to the user postgres, or nobody. It ends as a postgres_server does.
///
/// *Threads*: it must be made by the main thread, because it ends with the thread that started it
/// (PR_SET_PDEATHSIG).
class pgbouncer : public server {
public:
    /// Names and values as in the section [pgbouncer] of pgbouncer.ini, for example {{"default_pool_size",
    /// "2"}}.
    using settings = std::map<std::string, std::string>;

    enum class transport : std::uint8_t { unix_socket, loopback_tcp };

    /// Starts a pooler on a Unix socket in its directory, or on a free port.
    /// *Throws*: std::logic_error, if called by another thread than the main one; std::runtime_error, with
    /// what to install or PgBouncer's messages, if it does not run and answer; sql_error, if the server
    /// cannot be reached.
    explicit pgbouncer(const server& upstream, pool_mode mode, const settings& with = {},
                       transport over = transport::unix_socket);
    ~pgbouncer();

    pgbouncer(const pgbouncer&) = delete;
    pgbouncer& operator=(const pgbouncer&) = delete;

    /// Reads changed settings in while clients are connected; returns when they are in force.
    /// *Throws*: sql_error, if PgBouncer refuses.
    void reload(pool_mode mode);
    void reload(const settings& changes);

    /// Runs a command of PgBouncer's console, for example "pause".
    /// *Throws*: sql_error.
    void command(const std::string& text) const;

    /// Whether it runs.
    [[nodiscard]] bool running();

    [[nodiscard]] pid_t process_id() const;

    /// The private directory: the Unix socket's, with the log.
    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_.path(); }

    /// All that it has written to its log.
    [[nodiscard]] std::string log() const;

private:
    void write_configuration() const;
    [[nodiscard]] bool start();

    guarded_directory directory_;
    std::string databases_;
    settings settings_;
    std::optional<child_process> process_;
};

} // namespace pglocks::test
