// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"
#include "support/guarded_directory.hpp"
#include "support/server.hpp"

#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>

namespace pglocks::test {

/// A PostgreSQL server of the test's own, in a private directory, on a Unix socket.
///
/// The directory is made under the directory for temporary files (TMPDIR, else /tmp). Destruction stops the
/// server and removes the directory. If this process ends without destruction, even by SIGKILL, a guard,
/// which is a process of its own, does both. Everything is done by tests/support/postgres.sh, for root under
/// another user.
///
/// *Threads*: start() and restart() must be called by the main thread, because the server ends with the
/// thread that started it (PR_SET_PDEATHSIG). To restart it while something waits, let that wait in another
/// thread. One thread at a time may call functions that are not const.
class postgres_server : public server {
public:
    /// Names and values as in postgresql.conf, for example {{"max_locks_per_transaction", "10"}}; port and
    /// listen_addresses too.
    using settings = std::map<std::string, std::string>;

    enum class shutdown { fast, immediate };

    /// Starts a server; its conninfo() leads to the database postgres as the superuser postgres.
    /// *Throws*: as start(); std::system_error, if the directory cannot be made.
    explicit postgres_server(const settings& with = {});
    explicit postgres_server(std::initializer_list<settings::value_type> with)
        : postgres_server(settings(with)) {}
    ~postgres_server();

    postgres_server(const postgres_server&) = delete;
    postgres_server& operator=(const postgres_server&) = delete;

    /// Starts the server, if it does not run, and waits until it answers.
    /// *Throws*: std::logic_error, if called by another thread than the main one; std::runtime_error, with
    /// the server's messages, if it ends or does not answer in 60 seconds.
    void start();

    /// Stops the server, if it runs, and waits until it has ended.
    /// *Throws*: child_error, if it has not ended in 60 seconds.
    void stop(shutdown how = shutdown::fast);

    /// Stops and starts the server.
    /// \param changes settings to add or to replace, from now on.
    void restart(const settings& changes = {}, shutdown how = shutdown::fast);

    /// Kills the server and all its backends (SIGKILL), and waits until they are gone; start() then has to
    /// recover. *Requires*: the server runs.
    void crash();

    /// Whether the server runs.
    [[nodiscard]] bool running();

    /// The process id of the postmaster.
    /// *Requires*: the server runs.
    [[nodiscard]] pid_t process_id() const;

    /// The private directory: the socket's, with the log. Other files may be put there too.
    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_.path(); }

    /// All that the server has written to its log.
    [[nodiscard]] std::string log() const;

protected:
    /// A server whose data directory is made as postgres.sh is told by its environment.
    postgres_server(const settings& with, std::map<std::string, std::string> environment);

private:
    void set(const settings& changes);

    guarded_directory directory_;
    settings settings_;
    std::map<std::string, std::string> environment_;
    std::optional<child_process> postmaster_;
};

} // namespace pglocks::test
