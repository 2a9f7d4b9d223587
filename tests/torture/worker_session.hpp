// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/hold.hpp"

#include <soci/soci.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace pglocks::torture {

/// How workers reach the server: written down as words, since workers are other processes.
struct directions {
    std::array<std::string, route_names.size()> conninfo; ///< by route; empty: there is no such route
    std::string network_namespace;                        ///< of route::network; empty: this one

    [[nodiscard]] std::vector<std::string> words() const;
    /// *Requires*: what words() gave.
    [[nodiscard]] static directions from_words(const std::vector<std::string>& words);

    [[nodiscard]] bool has(route by) const noexcept {
        return !conninfo.at(static_cast<std::size_t>(by)).empty();
    }
    /// The way for a session that is about to be opened by this one.
    [[nodiscard]] const std::string& of(route by) const { return conninfo.at(static_cast<std::size_t>(by)); }
};

/// Puts the calling thread, and the threads it starts, into the network namespace that the route needs.
/// *Throws*: std::system_error.
void enter_network(const directions& to, route by);

/// A session of one worker thread, opened again after each loss.
class worker_session {
public:
    /// \param application as pg_stat_activity will show it
    /// \param prepared whether the session gets what pglocks offers against silence and poolers
    worker_session(const directions& to, route by, std::string application, bool prepared);

    /// Opens the session if it is not open. *Throws*: soci::soci_error.
    soci::session& open();
    /// Destroys the session, so that open() makes a new one.
    void drop() noexcept { session_.reset(); }
    /// Keeps the session, for open() to have SOCI reconnect it.
    void reconnect_later() noexcept { stale_ = true; }

    [[nodiscard]] bool is_open() const noexcept { return session_ && !stale_; }
    /// The backend that serves the session; behind a pooler, the one that pglocks has marked, on which alone
    /// it takes locks.
    [[nodiscard]] int backend() const noexcept { return backend_; }
    /// Whether libpq or the operating system knows that the connection has ended.
    [[nodiscard]] bool is_dead() const;

private:
    void prepare(soci::session& session);

    std::string conninfo_;
    route route_;
    bool prepared_;
    std::unique_ptr<soci::session> session_;
    bool stale_ = false;
    int backend_ = 0;
};

/// What the error is about: its SQLSTATE, or "connection" where there is none.
[[nodiscard]] std::string sqlstate_of(const soci::soci_error& error);

} // namespace pglocks::torture
