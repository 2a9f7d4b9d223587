// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/detail/export.hpp>
#include <pglocks/postgres/call.hpp>
#include <pglocks/postgres/holds.hpp>
#include <pglocks/postgres/result.hpp>
#include <pglocks/postgres/server_facts.hpp>
#include <pglocks/release_failure.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <libpq-events.h>
#include <libpq-fe.h>

#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pglocks::postgres {

/// Hears what happens to a connection: its results, its reset, its end. Its address is libpq's key to our
/// state.
extern "C" PGLOCKS_EXPORT inline int pglocks_on_connection_event(PGEventId event, void* info,
                                                                 void* pass_through);

/// What pglocks knows of one `PGconn`: its holds, its pending releases, and what server it leads to.
///
/// Attached to the connection through libpq's events, and shared with every lock on it. It ends with the
/// backend session, not with the object: on a reset, on the end of the connection and on `DISCARD ALL` it is
/// detached for good, and whoever still refers to it knows that nothing is held. Used by the thread that uses
/// the connection.
class connection_state : public boost::intrusive_ref_counter<connection_state, boost::thread_safe_counter> {
public:
    using pointer = boost::intrusive_ptr<connection_state>;

    /// The state of a connection, attached to it if need be. *Throws*: `std::bad_alloc`. Sends nothing.
    [[nodiscard]] static pointer of(PGconn* conn) {
        if (auto* known = attached_to(conn)) {
            if (known->alive()) {
                return known;
            }
            known->detach(); // a failed PQreset fires no event
        }
        pointer fresh(new connection_state(conn));
        PQregisterEventProc(conn, &pglocks_on_connection_event, "pglocks",
                            nullptr); // no effect if it is registered
        if (PQsetInstanceData(conn, &pglocks_on_connection_event, fresh.get()) == 0) {
            throw std::bad_alloc();
        }
        intrusive_ptr_add_ref(fresh.get()); // the connection's reference
        return fresh;
    }

    /// Whether the connection is, as far as libpq knows, still the one whose session holds our locks.
    [[nodiscard]] bool alive() const noexcept {
        return conn_ && PQstatus(conn_) == CONNECTION_OK && PQsocket(conn_) == socket_ &&
               PQbackendPID(conn_) == login_pid_;
    }

    [[nodiscard]] PGconn* conn() const noexcept { return conn_; }
    [[nodiscard]] pglocks::postgres::holds& holds() noexcept { return holds_; }
    [[nodiscard]] const pglocks::postgres::holds& holds() const noexcept { return holds_; }

    /// The server's facts, asked for on first use.
    [[nodiscard]] const server_facts& facts(const std::optional<lock_key>& key = {}) {
        if (!facts_) {
            facts_ = learn_server_facts(conn_, key);
        }
        return *facts_;
    }
    [[nodiscard]] const std::optional<server_facts>& known_facts() const noexcept { return facts_; }
    void forget_facts() noexcept { facts_.reset(); }

    /// The pooler was found to be in session mode. *Requires*: `facts()` were asked for.
    void trust_pooler(std::string token) noexcept { facts_->token = std::move(token); }

    /// How late the answer to a deadline or a stop may be before the connection counts as lost.
    [[nodiscard]] std::chrono::milliseconds patience() const noexcept {
        return patience_ ? *patience_ : facts_ ? facts_->patience : server_facts{}.patience;
    }
    void set_patience(std::chrono::milliseconds patience) noexcept { patience_ = patience; }

    /// Calls a function in the quickest way that this server offers.
    [[nodiscard]] answer call(operation what, lock_kind kind, lock_key key) const noexcept {
        const std::size_t function = function_index(what, kind, key.space());
        if (is_guarded()) {
            return call_by_query(conn_, statement(calls[function].view()).c_str(), key);
        }
        return facts_ && facts_->has_oids ? call_by_oid(conn_, function, key)
                                          : call_by_query(conn_, calls[function].c_str(), key);
    }

    /// A statement of ours as it is to be sent, guarded if the session is behind a pooler.
    [[nodiscard]] sql_text<1024> statement(std::string_view call) const noexcept {
        if (is_guarded()) {
            return guarded(call, facts_->token);
        }
        sql_text<1024> text;
        text += call;
        return text;
    }

    /// The process ID of the backend: what the server says rather than what a pooler said at login.
    [[nodiscard]] int backend_pid() const noexcept { return facts_ ? facts_->backend_pid : login_pid_; }

    /// Nothing runs on the connection and no transaction is open: a release takes effect at once.
    [[nodiscard]] bool can_send() const noexcept {
        return PQpipelineStatus(conn_) == PQ_PIPELINE_OFF && PQtransactionStatus(conn_) == PQTRANS_IDLE;
    }

    /// There are releases that have yet to be sent.
    [[nodiscard]] bool has_pending() const noexcept { return has_pending_; }
    void expect_release_later() noexcept {
        has_pending_ = true;
        held_back_ = false;
    }

    /// Sends the pending releases if they can be sent now. What goes wrong goes to the release-failure
    /// handler.
    void send_pending() noexcept {
        if (!has_pending_ || sending_ || !conn_ || !can_send()) {
            return;
        }
        has_pending_ = held_back_ = false;
        for (hold& h : holds_) {
            if (!h.wants_release()) {
                continue;
            }
            const release_result end = settle(h);
            if (end == release_result::not_held) {
                pglocks::detail::report_not_held(h.key, {});
            }
            if (end == release_result::lost || !alive()) {
                return detach();
            }
        }
        holds_.erase_vacant();
    }

    /// Sends what this hold wants released. *Requires*: the connection takes statements.
    ///
    /// After an error the server may count more holds than we do (it can report an error and have done what
    /// was asked), so that the release which leaves us with none unlocks until there is nothing to unlock.
    release_result settle(hold& h, std::string_view name = {}) noexcept {
        sending_ = true;
        release_result end = release_result::released;
        while (h.surplus > 0 && !h.wants_draining()) {
            const answer a = call(operation::unlock, {.shared = h.shared}, h.key);
            --h.surplus; // an unlock that ends in an error may have been done: it counts as done, with the
                         // doubt kept
            if (!a.ok) {
                h.uncertain = true;
                if (is_out_of_step(a.reply)) {
                    lose(conn_);
                }
                if (PQstatus(conn_) == CONNECTION_OK) {
                    continue;
                }
                end = release_result::lost;
                break;
            }
            if (a.switched) {
                report_switched(h.key, name);
                end = release_result::lost;
                break;
            }
            if (!a.yes) {
                end = release_result::not_held;
            }
        }
        if (end != release_result::lost && h.wants_draining()) {
            end = drain(h, name);
        }
        sending_ = false;
        return end;
    }

    /// The backend session is gone, or has released everything: whoever refers to this state holds nothing
    /// now.
    void detach() noexcept {
        if (!conn_) {
            return;
        }
        const pointer keep(this);
        PQsetInstanceData(std::exchange(conn_, nullptr), &pglocks_on_connection_event, nullptr);
        has_pending_ = false;
        intrusive_ptr_release(this);
        for (const auto& watch : std::exchange(watches_, {})) {
            if (const auto stop = watch.lock()) {
                stop->request_stop();
            }
        }
    }

    /// From now on `stop` is asked to stop when the session is known to be gone.
    void tell_of_loss(const std::shared_ptr<std::stop_source>& stop) {
        std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
        watches_.push_back(stop);
    }

    /// A result has arrived on the connection, the user's own included.
    void on_result(const PGresult* r) noexcept {
        if (sending_) {
            return;
        }
        if (PQresultStatus(r) == PGRES_COMMAND_OK &&
            std::string_view(PQcmdStatus(const_cast<PGresult*>(r))) ==
                "DISCARD ALL") { // NOLINT: it is not changed
            return detach();
        }
        // The end of the reply is taken in, if it is here, so that the transaction's new status is known.
        if (has_pending_ && !held_back_ && PQpipelineStatus(conn_) == PQ_PIPELINE_OFF &&
            PQisBusy(conn_) == 0) {
            send_pending();
        }
    }

private:
    /// Behind a pooler, every statement makes sure that it reaches no other session's backend.
    [[nodiscard]] bool is_guarded() const noexcept { return facts_ && facts_->pooled; }

    explicit connection_state(PGconn* conn) noexcept
        : conn_(conn),
          socket_(PQsocket(conn)),
          login_pid_(PQbackendPID(conn)) {}

    [[nodiscard]] static connection_state* attached_to(PGconn* conn) noexcept {
        return static_cast<connection_state*>(PQinstanceData(conn, &pglocks_on_connection_event));
    }

    /// Unlocks until nothing is held, asking `pg_locks` first each time: an unlock of nothing would write a
    /// warning into the server's log.
    [[nodiscard]] release_result drain(hold& h, std::string_view name) noexcept {
        constexpr int patience = 10; // cancels in a row, each of which may hit the clean-up itself
        try {
            const std::string statement = unlock_if_held(h);
            for (int cancelled = 0; cancelled < patience;) {
                const result r(
                    PQexecParams(conn_, statement.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
                if (PQresultStatus(r.get()) == PGRES_TUPLES_OK) {
                    if (PQntuples(r.get()) == 1 && std::string_view(PQgetvalue(r.get(), 0, 0)) == "t") {
                        if (h.surplus > 0) {
                            --h.surplus;
                        }
                        continue;
                    }
                    if (is_guarded() && is_switched()) {
                        report_switched(h.key, name);
                        return release_result::lost;
                    }
                    const bool missing = std::exchange(h.surplus, 0) > 0;
                    h.uncertain = false;
                    return missing ? release_result::not_held : release_result::released;
                }
                if (is_out_of_step(r)) {
                    lose(conn_);
                }
                if (PQstatus(conn_) != CONNECTION_OK) {
                    return release_result::lost;
                }
                if (sqlstate_of(r) == sqlstate::query_canceled && can_send()) {
                    ++cancelled;
                    continue;
                }
                try_again_later();
                throw_failure(r, conn_, "releasing", h.key);
            }
            try_again_later();
            throw lock_error(
                {.what = "the release was cancelled again and again, and will be tried again later",
                 .sqlstate = std::string(sqlstate::query_canceled),
                 .key = h.key});
        } catch (lock_error& error) {
            try {
                error.add_lock(h.key, name);
            } catch (const std::bad_alloc&) { // the error goes out without the name
            }
            pglocks::detail::report_release_failure(error);
        } catch (const std::exception&) { // out of memory: there is nothing left to report with
            try_again_later();
        }
        return release_result::failed;
    }

    /// Asks whether statements still reach the backend that they did; one round trip.
    [[nodiscard]] bool is_switched() const noexcept {
        const answer a = answer_of(result(PQexec(conn_, guarded("select true", facts_->token).c_str())));
        return a.switched;
    }

    static void report_switched(lock_key key, std::string_view name) noexcept {
        try {
            auto error = backend_was_switched(key);
            error.add_lock(key, name);
            pglocks::detail::report_release_failure(error);
        } catch (const std::exception&) { // out of memory: there is nothing left to report with
        }
    }

    /// What failed although it could be sent is tried again by the next use of a lock, and not after each of
    /// the user's statements.
    void try_again_later() noexcept {
        has_pending_ = true;
        held_back_ = can_send();
    }

    [[nodiscard]] static std::string unlock_if_held(const hold& h) {
        const auto quoted = [](auto number) { return '\'' + std::to_string(number) + '\''; };
        const auto column = [&](const char* name, auto number) {
            return std::string(" and l.") + name + " operator(pg_catalog.=) " + quoted(number);
        };
        const auto& f = functions[function_index(operation::unlock, {.shared = h.shared}, h.key.space())];
        return "select pg_catalog." + std::string(f.name) + '(' +
               (h.key.is_pair() ? quoted(h.key.first()) + "::integer, " + quoted(h.key.second()) + "::integer"
                                : quoted(h.key.bits()) + "::bigint") +
               ") from pg_catalog.pg_locks l where l.locktype operator(pg_catalog.=) 'advisory'" +
               " and l.granted and l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()" +
               " and l.database operator(pg_catalog.=) (select d.oid from pg_catalog.pg_database d where "
               "d.datname "
               "operator(pg_catalog.=) pg_catalog.current_database())" +
               column("classid", h.key.classid()) + column("objid", h.key.objid()) +
               column("objsubid", h.key.objsubid()) + " and l.mode operator(pg_catalog.=) '" +
               (h.shared ? "ShareLock'" : "ExclusiveLock'");
    }

    PGconn* conn_;
    int socket_;
    int login_pid_; ///< what the connection was told at login; a pooler invents it
    bool has_pending_ = false;
    bool held_back_ = false; ///< the pending releases wait for the next use of a lock
    bool sending_ = false;   ///< results of our own releases must not start others
    pglocks::postgres::holds holds_;
    std::vector<std::weak_ptr<std::stop_source>> watches_;
    std::optional<server_facts> facts_;
    std::optional<std::chrono::milliseconds> patience_; ///< set after the facts were asked for, perhaps
};

extern "C" inline int pglocks_on_connection_event(PGEventId event, void* info, void* /*pass_through*/) {
    const auto state_of = [](const PGconn* conn) {
        return static_cast<connection_state*>(PQinstanceData(conn, &pglocks_on_connection_event));
    };
    switch (event) {
    case PGEVT_RESULTCREATE: {
        const auto* created = static_cast<PGEventResultCreate*>(info);
        if (auto* state = state_of(created->conn)) {
            state->on_result(created->result);
        }
        break;
    }
    case PGEVT_CONNRESET:
        if (auto* state = state_of(static_cast<PGEventConnReset*>(info)->conn)) {
            state->detach();
        }
        break;
    case PGEVT_CONNDESTROY:
        if (auto* state = state_of(static_cast<PGEventConnDestroy*>(info)->conn)) {
            state->detach();
        }
        break;
    default:
        break;
    }
    return 1;
}

} // namespace pglocks::postgres
