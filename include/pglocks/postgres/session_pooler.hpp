// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/postgres/connection_state.hpp>
#include <pglocks/postgres/conninfo.hpp>
#include <pglocks/postgres/libpq_connection.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/random.h>
#include <system_error>
#include <utility>

namespace pglocks {

namespace postgres {

struct finish_connection {
    void operator()(PGconn* conn) const noexcept { PQfinish(conn); }
};
using own_connection = std::unique_ptr<PGconn, finish_connection>;

/// Waits for a socket, until the deadline; false if that has passed.
[[nodiscard]] inline bool await_socket(PGconn* conn, short events, const deadline& until) {
    pollfd socket{PQsocket(conn), events, 0};
    return ::poll(&socket, 1, pglocks::detail::milliseconds_until(*until)) != 0 ||
           !pglocks::detail::has_expired(until);
}

/// A second connection with the parameters of the first, its password included, to the host that the first
/// one has found; empty if there is none in time.
[[nodiscard]] inline own_connection connect_alike(PGconn* conn, const deadline& until) {
    const connection_options parameters(PQconninfo(conn));
    std::string conninfo;
    const auto add = [&](const char* keyword, const char* value) {
        if (value && *value != '\0') {
            add_parameter(conninfo, keyword, value);
        }
    };
    for (const auto* p = parameters.get(); p && p->keyword; ++p) {
        const std::string_view keyword = p->keyword;
        if (keyword != "host" && keyword != "hostaddr" && keyword != "port") {
            add(p->keyword, p->val);
        }
    }
    add("host", PQhost(conn));
    add("hostaddr", PQhostaddr(conn));
    add("port", PQport(conn));
    own_connection second(PQconnectStart(conninfo.c_str()));
    for (auto next = PGRES_POLLING_WRITING; second && next != PGRES_POLLING_OK;
         next = PQconnectPoll(second.get())) {
        if (next == PGRES_POLLING_FAILED || PQstatus(second.get()) == CONNECTION_BAD ||
            !await_socket(second.get(), next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until)) {
            return nullptr;
        }
    }
    return second;
}

/// One side of the probe: asks for its backend without waiting longer than it is told to.
class probing_client {
public:
    enum class reading : std::uint8_t { complete, late, failed };

    explicit probing_client(PGconn* conn) noexcept : conn_(conn) {}

    /// Sends statements of which the last one with a row answers the backend's process ID.
    void ask(const char* statements) noexcept {
        pid_ = 0;
        sent_ = PQsendQuery(conn_, statements) != 0;
    }
    [[nodiscard]] reading read(const deadline& until) {
        while (sent_) {
            while (PQisBusy(conn_) != 0) {
                if (!await_socket(conn_, POLLIN, until)) {
                    return reading::late;
                }
                if (PQconsumeInput(conn_) == 0) {
                    return reading::failed;
                }
            }
            const result r(PQgetResult(conn_));
            if (!r) {
                return pid_ > 0 ? reading::complete : reading::failed;
            }
            if (PQresultStatus(r.get()) == PGRES_TUPLES_OK && PQntuples(r.get()) == 1) {
                const std::string_view text = PQgetvalue(r.get(), 0, 0);
                std::from_chars(text.data(), text.data() + text.size(), pid_);
            }
        }
        return reading::failed;
    }
    [[nodiscard]] reading ask(const char* statements, const deadline& until) {
        ask(statements);
        return read(until);
    }
    /// The answer.
    [[nodiscard]] int pid() const noexcept { return pid_; }

private:
    PGconn* conn_;
    bool sent_ = false;
    int pid_ = 0;
};

enum class pooling : std::uint8_t { by_session, finer, unknown };

/// Whether a session keeps its backend while another client of the same pool works.
///
/// In a finer mode the second client's transaction is given the backend that the first has just used, or, on
/// a busy pool, the first one's next statement runs on another; the rounds are there for a busy pool, where
/// either may fail to happen. If the second client has to wait for a backend while the first, which asks
/// later, is answered, the first has a backend of its own, since a pooler serves those that wait in order:
/// that is how a full pool in session mode is known. Measured with PgBouncer 1.18, whose objects.c has these
/// rules.
[[nodiscard]] inline pooling compare_backends(probing_client& first, probing_client& second,
                                              const deadline& until) {
    using reading = probing_client::reading;
    constexpr int rounds = 20;
    constexpr std::chrono::milliseconds quick(20);
    constexpr std::chrono::seconds slow(1);
    constexpr const char* who = "select pg_catalog.pg_backend_pid()";
    const auto within = [](auto duration) { return deadline(pglocks::detail::deadline_after(duration)); };

    if (first.ask(who, until) != reading::complete) {
        return pooling::unknown;
    }
    const int mine = first.pid();
    int theirs = 0;
    for (int round = 0, overtaken = 0; round < rounds; ++round) {
        second.ask("begin; select pg_catalog.pg_backend_pid()");
        reading begun = second.read(within(quick));
        for (; begun == reading::late; begun = second.read(within(quick))) {
            if (first.ask(who, within(slow)) != reading::complete || pglocks::detail::has_expired(until)) {
                return pooling::unknown;
            }
            if (first.pid() != mine) {
                return pooling::finer;
            }
            if (++overtaken == rounds) {
                return pooling::by_session;
            }
        }
        if (begun == reading::failed || second.pid() == mine || (theirs != 0 && second.pid() != theirs)) {
            return pooling::finer;
        }
        theirs = second.pid();
        reading beside = first.ask(who, within(slow)); // it waits if the second client has the only backend
        second.ask("rollback; select pg_catalog.pg_backend_pid()");
        if (second.read(until) != reading::complete) {
            return pooling::unknown;
        }
        if (beside == reading::late) {
            beside = first.read(until);
        }
        if (beside != reading::complete) {
            return pooling::unknown;
        }
        bool kept = first.pid() == mine;
        // Twice, since two backends that take turns would otherwise do so in step with us.
        for (int again = 0; kept && again < 2; ++again) {
            if (first.ask(who, until) != reading::complete) {
                return pooling::unknown;
            }
            kept = first.pid() == mine;
        }
        if (!kept) {
            return pooling::finer;
        }
    }
    return pooling::by_session;
}

/// Compares with a second connection of this probe's own.
[[nodiscard]] inline pooling probe_pooling(PGconn* conn, const deadline& until) {
    const own_connection other = connect_alike(conn, until);
    if (!other) {
        return pooling::unknown;
    }
    probing_client first(conn);
    probing_client second(other.get());
    const pooling found = compare_backends(first, second, until);
    // PgBouncer closes the backend of a client that leaves in a transaction: it may be one that holds another
    // client's locks.
    if (PQtransactionStatus(other.get()) == PQTRANS_INTRANS) {
        (void)second.ask("rollback", until);
    }
    return found;
}

/// Marks the backend for the guards of our statements. Answers false if it is another session's already.
[[nodiscard]] inline bool mark_backend(connection_state& state, interruptible_reader& reader) {
    std::array<unsigned char, 16> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
        throw std::system_error(errno, std::generic_category(), "pglocks: no random numbers");
    }
    std::string token;
    for (const unsigned char byte : random) {
        token += "0123456789abcdef"[byte >> 4U];
        token += "0123456789abcdef"[byte & 15U];
    }
    // Only a backend without a mark is marked, and only the one that the facts tell of.
    const std::string statement = "select pg_catalog.set_config('pglocks.session', '" + token +
                                  "', false) where pg_catalog.pg_backend_pid() operator(pg_catalog.=) " +
                                  std::to_string(state.known_facts()->backend_pid);
    const result r = reader.run(guarded(statement, "").c_str(), std::nullopt);
    if (PQresultStatus(r.get()) != PGRES_TUPLES_OK || PQntuples(r.get()) != 1) {
        throw_failure(r, state.conn(), "declaring a pooler");
    }
    if (PQgetisnull(r.get(), 0, 0) != 0) {
        return false;
    }
    state.trust_pooler(std::move(token));
    return true;
}

} // namespace postgres

/// Declares that the pooler between this session and the server is in session mode, so that session-scope
/// locks may be taken through it.
///
/// The declaration is checked with a second connection through the same pooler, and then by every statement,
/// which does nothing on another backend: the lock then counts as lost. (Of several poolers that share a
/// port, `so_reuseport`, the second connection may reach another one: there only the check of each statement
/// holds.) It holds until the session is closed or reconnected, or its settings are reset (`RESET ALL`). On a
/// direct connection it does nothing. Cost: a connection and about a hundred round trips. *Throws*: `refused`
/// if the pooler is not in session mode, or cannot be checked within the bound (its pool may have no room for
/// the second connection), or if the session is in a transaction; `connection_lost` if it does not answer;
/// another `lock_error` for what the server says.
///
/// \param session an open one, in no transaction
/// \param within the bound for the whole check; the session counts as lost if it still waits for an answer a
/// second after that
inline void declare_session_pooler(soci::session& session,
                                   std::chrono::milliseconds within = std::chrono::seconds(10)) {
    PGconn* const conn = postgres::libpq_connection(session);
    const auto state = postgres::connection_state::of(conn);
    if (!state->can_send()) {
        throw refused({.what = "a pooler cannot be declared in a transaction or on a busy connection",
                       .advice = "declare it when the session is opened"});
    }
    const deadline until(detail::deadline_after(within));
    postgres::interruptible_reader reader(
        conn, until, {}, postgres::interruptible_reader::cancelling::late,
        std::min<std::chrono::milliseconds>(state->patience(), std::chrono::seconds(1)));
    auto found = postgres::pooling::unknown;
    try {
        if (const auto& facts = state->facts(std::nullopt, &reader); !facts.pooled || state->is_marked()) {
            return;
        }
        found = postgres::probe_pooling(conn, until);
        while (reader.next(std::nullopt, false)) {
        } // an answer that was late: the second client has left now
        if (PQstatus(conn) != CONNECTION_OK) {
            throw postgres::loss("the connection was lost while declaring a pooler", std::nullopt,
                                 PQerrorMessage(conn));
        }
        if (found == postgres::pooling::by_session && !postgres::mark_backend(*state, reader)) {
            found = postgres::pooling::finer;
        }
    } catch (const connection_lost&) {
        postgres::lose(conn);
        throw;
    } catch (const lock_error&) { // the server's answer, read to its end
        throw;
    } catch (...) {
        postgres::lose(conn);
        throw;
    }
    if (found == postgres::pooling::unknown) {
        throw refused(
            {.what = "the pooler's mode could not be checked: a connection through it did not answer in time",
             .advice = "see whether the pooler and its pool are overloaded, and declare it again"});
    }
    if (found == postgres::pooling::finer) {
        throw refused(
            {.what = "the pooler is not in session mode: backends go from one client to another, or are not "
                     "reset",
             .advice = "set pool_mode = session and server_reset_query = DISCARD ALL, connect to the server "
                       "directly, or use scope::transaction"});
    }
}

} // namespace pglocks
