// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/call.hpp>
#include <pglocks/postgres/server_facts.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pglocks::postgres {

/// The way to the server: what is known of it, and how a statement of ours is sent to it.
class server_link {
public:
    explicit server_link(PGconn* conn) noexcept : conn_(conn), login_pid_(PQbackendPID(conn)) {}

    /// The connection; `nullptr` once it is gone.
    [[nodiscard]] PGconn* conn() const noexcept { return conn_; }

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

    /// Behind a pooler, every statement makes sure that it reaches no other session's backend.
    [[nodiscard]] bool is_guarded() const noexcept { return facts_ && facts_->pooled; }

    /// Asks whether statements still reach the backend that they did; one round trip.
    [[nodiscard]] bool is_switched() const noexcept {
        const answer a = answer_of(result(PQexec(conn_, guarded("select true", facts_->token).c_str())));
        return a.switched;
    }

protected:
    PGconn* conn_;
    int login_pid_; ///< what the connection was told at login; a pooler invents it

private:
    std::optional<server_facts> facts_;
    std::optional<std::chrono::milliseconds> patience_; ///< set after the facts were asked for, perhaps
};

} // namespace pglocks::postgres
