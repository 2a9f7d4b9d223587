// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/conninfo.hpp>
#include <pglocks/postgres/libpq_connection.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>

namespace pglocks {

/// Settings under which both ends of a session notice a cut network, so that no call of a lock outlasts it.
///
/// The client's socket and the server's get keepalives and `tcp_user_timeout`, so that an `unlock()`, an
/// unbounded `lock()` or a destructor ends within `network_timeout` of the cut; the server looks at the
/// client every second while it works or waits for it (`client_connection_check_interval`), so that a waiter
/// whose client is gone leaves the queue. A wait with a deadline ends within `patience` of it, or within
/// twice that if an error makes a clean-up necessary. Nothing of this needs an administrator. Over a Unix
/// socket there is no network to be cut: only the other settings take effect. A server that is connected but
/// stands still (a stopped backend, a frozen disk) is no cut: of that only `patience` and a heartbeat of
/// `loss_watcher` tell.
///
/// Sources: PostgreSQL 15 manual, 20.3.2 (TCP settings), 34.1.2 (libpq's); tcp(7), `TCP_USER_TIMEOUT`.
struct session_preset {
    /// After how long a silence the connection counts as cut: between a third of this and all of it; at least
    /// 3 s.
    std::chrono::seconds network_timeout{10};
    /// How late the answer to a deadline or to a stop may be before the connection counts as lost; longer
    /// than a round trip and a scheduling delay of the server.
    std::chrono::milliseconds patience{200};

    /// libpq's connection string, or URI, with these settings; other `options` in it are kept. Those of a
    /// service file and of `PGOPTIONS` are not seen, and replaced: write them into the string, or use
    /// `apply`.
    ///
    /// *Throws*: `refused` if libpq does not understand it, or for a bound below its least. Needs PostgreSQL
    /// 14 or later. PgBouncer refuses `options` unless it is told to ignore them: use `apply` there.
    [[nodiscard]] std::string conninfo(std::string_view connection_string) const;

    /// Applies the settings to an open session; one round trip. The server's part ends with the session, or
    /// with `RESET ALL` and `DISCARD ALL`, which ends the patience, too.
    ///
    /// Behind a pooler, declare it first (`declare_session_pooler`): in another mode than session the
    /// server's part would stay with a backend that goes on to others.
    ///
    /// *Throws*: `refused` in a transaction, since its rollback would undo it; `lock_error` if the server
    /// refuses; `std::system_error` if the socket does.
    void apply(soci::session& session) const;

private:
    // A third, since Linux can take twice as long as it was told when not even a packet can be sent (a route
    // that is gone, measured); an idle connection ends at the first probe, one a second, after that.
    [[nodiscard]] std::chrono::milliseconds unacknowledged() const noexcept {
        return std::chrono::milliseconds(network_timeout) / 3;
    }
    [[nodiscard]] std::chrono::seconds idle() const noexcept {
        return std::max(std::chrono::seconds(1), network_timeout / 4);
    }
    /// Looked at only where there is no `tcp_user_timeout`.
    [[nodiscard]] long long probes() const noexcept { return std::min<long long>(idle().count(), 127); }
    struct setting {
        std::string_view name;
        std::string value;
    };
    using settings = std::array<setting, 5>;

    void check() const {
        if (network_timeout < std::chrono::seconds(3) || patience < std::chrono::milliseconds(4)) {
            throw refused({.what = "a session_preset with a bound below its least",
                           .advice = "network_timeout is at least 3 s, patience at least 4 ms"});
        }
    }

    /// As libpq names them.
    [[nodiscard]] settings of_the_client() const {
        return {{{"keepalives", "1"},
                 {"keepalives_idle", std::to_string(idle().count())},
                 {"keepalives_interval", "1"},
                 {"keepalives_count", std::to_string(probes())},
                 {"tcp_user_timeout", std::to_string(unacknowledged().count())}}};
    }
    /// As PostgreSQL names them.
    [[nodiscard]] settings of_the_server() const {
        return {{{"tcp_keepalives_idle", std::to_string(idle().count())},
                 {"tcp_keepalives_interval", "1"},
                 {"tcp_keepalives_count", std::to_string(probes())},
                 {"tcp_user_timeout", std::to_string(unacknowledged().count())},
                 {"client_connection_check_interval", "1000"}}};
    }

    void set_up_socket(int descriptor) const;
};

inline std::string session_preset::conninfo(std::string_view connection_string) const {
    check();
    const postgres::connection_options parsed(
        PQconninfoParse(std::string(connection_string).c_str(), nullptr));
    if (!parsed) {
        throw refused({.what = "libpq does not understand the connection string", // which may hold a password
                       .advice = "write keyword=value pairs or a postgresql:// URI; options of SOCI's own go "
                                 "behind what session_preset makes of the rest"});
    }
    std::string all;
    const auto add = [&all](std::string_view keyword, std::string_view value) {
        postgres::add_parameter(all, keyword, value);
    };
    const settings ours = of_the_client();
    for (const auto& [name, value] : ours) {
        add(name, value);
    }
    const auto is_ours = [&ours](std::string_view keyword) {
        return std::any_of(ours.begin(), ours.end(), [=](const setting& s) { return s.name == keyword; });
    };
    std::string options;
    for (const PQconninfoOption* option = parsed.get(); option->keyword; ++option) {
        if (option->val && std::string_view(option->keyword) == "options") {
            options = option->val;
        } else if (option->val && !is_ours(option->keyword)) {
            add(option->keyword, option->val);
        }
    }
    const auto set_at_login = [&options](std::string_view name, std::string_view value) {
        // No word of it without a '=': SOCI 4.0.
        (((options += options.empty() ? "--" : " --") += name) += '=') += value;
    };
    for (const auto& [name, value] : of_the_server()) {
        set_at_login(name, value);
    }
    set_at_login(postgres::server_link::patience_setting, std::to_string(patience.count()));
    add("options", options);
    return all;
}

inline void session_preset::apply(soci::session& session) const {
    check();
    PGconn* const conn = postgres::libpq_connection(session);
    const auto state = postgres::connection_state::of(conn);
    if (!state->can_send()) {
        throw refused({.what = "a session_preset cannot be applied in a transaction or on a busy connection",
                       .advice = "apply it when the session is opened"});
    }
    std::string statement = "select ";
    for (const auto& [name, value] : of_the_server()) {
        const bool known = PQserverVersion(conn) >= 140000 || !name.starts_with("client_connection");
        if (known) {
            (statement += statement.ends_with(' ') ? "" : ", ") += "pg_catalog.set_config('";
            (((statement += name) += "', '") += value) += "', false)";
        }
    }
    const postgres::result r(PQexec(conn, statement.c_str()));
    if (!postgres::is_ok(r)) {
        postgres::throw_failure(r, conn, "applying a session_preset");
    }
    state->set_patience(patience);
    set_up_socket(PQsocket(conn));
}

inline void session_preset::set_up_socket(int descriptor) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0 || // NOLINT
        (address.ss_family != AF_INET && address.ss_family != AF_INET6)) {
        return;
    }
    struct option {
        int level;
        int name;
        long long value;
    };
    const std::array<option, 5> options{{{SOL_SOCKET, SO_KEEPALIVE, 1},
                                         {IPPROTO_TCP, TCP_KEEPIDLE, idle().count()},
                                         {IPPROTO_TCP, TCP_KEEPINTVL, 1},
                                         {IPPROTO_TCP, TCP_KEEPCNT, probes()},
                                         {IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged().count()}}};
    for (const option& o : options) {
        const int value = static_cast<int>(o.value);
        if (::setsockopt(descriptor, o.level, o.name, &value, sizeof value) != 0) {
            throw std::system_error(errno, std::generic_category(), "pglocks: a setting of the socket");
        }
    }
}

} // namespace pglocks
