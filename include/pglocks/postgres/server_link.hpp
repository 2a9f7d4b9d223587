// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/call.hpp>
#include <pglocks/postgres/conninfo.hpp>
#include <pglocks/postgres/server_facts.hpp>
#include <pglocks/postgres/set_statements.hpp>

#include <libpq-fe.h>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace pglocks::postgres {

/// The way to the server: what is known of it, and how a statement of ours is sent to it.
class server_link {
public:
    explicit server_link(PGconn* conn)
        : conn_(conn),
          login_pid_(PQbackendPID(conn)),
          patience_(patience_of_options(conn)) {}

    /// The connection; `nullptr` once it is gone.
    [[nodiscard]] PGconn* conn() const noexcept { return conn_; }

    /// The server's facts, asked for on first use, as `learn_server_facts` does.
    [[nodiscard]] const server_facts& facts(const std::optional<lock_key>& key = {},
                                            interruptible_reader* reader = nullptr) {
        if (!facts_) {
            facts_ = learn_server_facts(conn_, key, reader);
            plain_ = facts_->is_plain();
        }
        return *facts_;
    }
    [[nodiscard]] const std::optional<server_facts>& known_facts() const noexcept { return facts_; }
    void forget_facts() noexcept {
        facts_.reset();
        plain_ = false;
    }
    /// The facts are known, and none of them is in the way of any lock.
    [[nodiscard]] bool is_plain() const noexcept { return plain_; }
    /// The facts are to be asked for; of a standby again and again, since it may have been promoted.
    [[nodiscard]] bool wants_facts() const noexcept { return !facts_ || facts_->standby; }
    /// The pooler was declared, and the backend is marked as this session's.
    [[nodiscard]] bool is_marked() const noexcept { return facts_ && !facts_->token.empty(); }

    /// The pooler was found to be in session mode. *Requires*: `facts()` were asked for.
    void trust_pooler(std::string token) noexcept { facts_->token = std::move(token); }

    /// How late the answer to a deadline or a stop may be before the connection counts as lost.
    [[nodiscard]] std::chrono::milliseconds patience() const noexcept { return patience_; }
    void set_patience(std::chrono::milliseconds patience) noexcept { patience_ = patience; }

    /// Calls a function in the quickest way that this server offers.
    [[nodiscard, gnu::always_inline]] answer call(operation what, lock_kind kind,
                                                  lock_key key) const noexcept {
        const std::size_t function = function_index(what, kind, key.space());
        return plain_ ? call_by_oid(conn_, function, key) : call_by_statement(function, key);
    }

    /// As above, with an answer that `reader` waits for, for which libpq's fast path offers no call.
    /// *Throws*: as the reader.
    [[nodiscard]] answer call(operation what, lock_kind kind, lock_key key, interruptible_reader& reader,
                              bool may_cancel) const {
        const std::size_t function = function_index(what, kind, key.space());
        return call_by_query(conn_, statement(plain_call(function).view()).c_str(), key, reader, may_cancel);
    }

    /// A statement of ours as it is to be sent, guarded if the session is behind a pooler.
    template <std::size_t Capacity = 1024>
    [[nodiscard]] sql_text<Capacity> statement(std::string_view call) const noexcept {
        if (is_guarded()) {
            return guarded<Capacity>(call, facts_->token);
        }
        sql_text<Capacity> text;
        text += call;
        return text;
    }

    /// As above, for one of the statements for sets.
    [[nodiscard]] sql_text<1792> statement(const set_text& call) const noexcept {
        return statement<1792>(call.view());
    }

    /// The process ID of the backend: what the server says rather than what a pooler said at login; 0 behind
    /// a pooler that may change it.
    [[nodiscard]] int backend_pid() const noexcept {
        return !facts_ ? login_pid_ : is_marked() || !facts_->pooled ? facts_->backend_pid : 0;
    }

    /// Nothing runs on the connection and no transaction is open: a release takes effect at once.
    [[nodiscard]] bool can_send() const noexcept {
        return PQpipelineStatus(conn_) == PQ_PIPELINE_OFF && PQtransactionStatus(conn_) == PQTRANS_IDLE;
    }

    /// Behind a pooler, every statement makes sure that it reaches no other session's backend.
    [[nodiscard]] bool is_guarded() const noexcept { return facts_ && facts_->pooled; }

    /// How a connection string tells the patience, in milliseconds.
    static constexpr std::string_view patience_setting = "pglocks.patience";

    /// How late an answer may be unless a connection string or `set_patience` says otherwise.
    static constexpr std::chrono::milliseconds default_patience = std::chrono::seconds(10);

protected:
    PGconn* conn_;
    int login_pid_; ///< what the connection was told at login; a pooler invents it

private:
    // Apart from call(), which is short without the text's room on the stack.
    [[nodiscard, gnu::noinline]] answer call_by_statement(std::size_t function, lock_key key) const noexcept {
        return call_by_query(conn_, statement(plain_call(function).view()).c_str(), key);
    }

    /// `session_preset` writes it into the connection string, among the settings for the server, which keeps
    /// it for nobody.
    [[nodiscard]] static std::chrono::milliseconds patience_of_options(PGconn* conn) {
        const std::string setting = std::string(patience_setting) + '=';
        const connection_options parameters(PQconninfo(conn));
        for (const auto* p = parameters.get(); p && p->keyword; ++p) {
            const std::string_view options =
                p->val && std::string_view(p->keyword) == "options" ? p->val : "";
            const auto at = options.rfind(setting);
            int patience = 0;
            if (at != std::string_view::npos &&
                std::from_chars(options.data() + at + setting.size(), options.data() + options.size(),
                                patience)
                        .ec == std::errc() &&
                patience > 0) {
                return std::chrono::milliseconds(patience);
            }
        }
        return default_patience;
    }

    std::optional<server_facts> facts_;
    bool plain_ = false; ///< of the facts, which every call would have to look through
    std::chrono::milliseconds patience_;
};

} // namespace pglocks::postgres
