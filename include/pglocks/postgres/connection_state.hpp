// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/detail/export.hpp>
#include <pglocks/postgres/hold_release.hpp>
#include <pglocks/postgres/holds.hpp>
#include <pglocks/postgres/server_link.hpp>
#include <pglocks/release_failure.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <libpq-events.h>
#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <new>
#include <poll.h>
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
class connection_state : public boost::intrusive_ref_counter<connection_state, boost::thread_safe_counter>,
                         public server_link {
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

    /// Whether the connection is, as far as libpq knows, still the one whose session holds our locks: a reset
    /// that succeeds tells us, and one that fails leaves a bad connection.
    [[nodiscard]] bool alive() const noexcept { return conn_ && PQstatus(conn_) == CONNECTION_OK; }

    /// The SOCI backend whose connection it is, if it was told.
    [[nodiscard]] const void* owner() const noexcept { return owner_; }
    void belongs_to(const void* backend) noexcept { owner_ = backend; }

    /// Also asks the operating system whether the server has hung up; reads nothing, no round trip. If so,
    /// all locks on the connection know it from now on.
    [[nodiscard]] bool hung_up() noexcept {
        if (!alive()) {
            return true;
        }
        pollfd socket{PQsocket(conn_), POLLRDHUP, 0};
        if (::poll(&socket, 1, 0) <= 0 ||
            (socket.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) == 0) {
            return false;
        }
        detach();
        return true;
    }

    [[nodiscard]] pglocks::postgres::holds& holds() noexcept { return holds_; }
    [[nodiscard]] const pglocks::postgres::holds& holds() const noexcept { return holds_; }

    /// There are releases that have yet to be sent.
    [[nodiscard]] bool has_pending() const noexcept { return has_pending_; }
    void expect_release_later() noexcept {
        has_pending_ = true;
        held_back_ = false;
    }

    /// Sends the pending releases if they can be sent now. What goes wrong goes to the release-failure
    /// handler.
    /// \param reader bounds how long the answers may take: once it is late, the rest stays pending; without
    /// one, they are waited for
    void send_pending(interruptible_reader* reader = nullptr) noexcept {
        if (!has_pending_ || sending_ || !conn_ || !can_send()) {
            return;
        }
        has_pending_ = held_back_ = false;
        for (const bool shared : {false, true}) {
            const release_result end = settle_all(
                [shared](const hold& h) { return h.shared == shared && h.wants_release(); }, reader);
            report_missing();
            if (end == release_result::lost || !alive()) {
                return detach();
            }
            if (reader && reader->is_late()) {
                has_pending_ = held_back_ = has_pending_ || holds_.any_wants_release();
                break; // the next use of a lock sends the rest
            }
        }
        holds_.erase_vacant();
    }

    /// Sends what those holds want released for which `is_meant` answers true, all of one mode; what cannot
    /// be sent now is pending, and those that were not held are `missing`. *Requires*: the connection takes
    /// statements.
    template <class Predicate>
    release_result settle_all(const Predicate& is_meant, interruptible_reader* reader = nullptr) noexcept {
        auto end = release_result::failed;
        try {
            std::vector<hold*> meant;
            meant.reserve(holds_.size());
            for (hold& h : holds_) {
                if (is_meant(h)) {
                    meant.push_back(&h);
                }
            }
            if (meant.empty()) {
                return release_result::released;
            }
            if (meant.size() == 1) { // in the quickest way
                end = settle(*meant.front(), {}, reader);
                meant.front()->missing = end == release_result::not_held;
                return end;
            }
            sending_ = true;
            end = release_holds(*this, meant, reader);
            sending_ = false;
        } catch (const std::bad_alloc&) { // later
        }
        return settled(end);
    }

    /// Tells the release-failure handler of each hold that was missing.
    void report_missing() noexcept {
        for (hold& h : holds_) {
            if (std::exchange(h.missing, false)) {
                pglocks::detail::report_not_held(h.key, {});
            }
        }
    }

    /// Sends what this hold wants released; what cannot be sent now is pending. *Requires*: the connection
    /// takes statements.
    release_result settle(hold& h, std::string_view name = {},
                          interruptible_reader* reader = nullptr) noexcept {
        if (h.surplus != 1 || h.uncertain || reader || !is_plain()) {
            return settle_with_care(h, name, reader);
        }
        const answer a =
            call(operation::unlock, {.shared = h.shared}, h.key); // no result that events tell of
        h.surplus = 0;
        return a.yes ? release_result::released : settle_after(a, h, name);
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
        keep_last_words(r);
        if (sending_) {
            return;
        }
        if (PQresultStatus(r) == PGRES_COMMAND_OK &&
            std::string_view(PQcmdStatus(const_cast<PGresult*>(r))) ==
                "DISCARD ALL") { // NOLINT: it is not changed
            return detach();
        }
        if (has_pending_ && !held_back_ && PQpipelineStatus(conn_) == PQ_PIPELINE_OFF && !is_error(r) &&
            has_whole_reply(r)) {
            send_pending();
        }
    }

    /// What the server said when it ended the session, which libpq does not always hand out.
    struct farewell {
        std::string sqlstate;
        std::string message;
    };
    [[nodiscard]] const farewell& last_words() const noexcept { return last_words_; }

private:
    // Apart from what every unlock does, which is short so.
    [[gnu::noinline]] release_result
    settle_with_care(hold& h, std::string_view name, interruptible_reader* reader,
                     release_result end = release_result::released) noexcept {
        sending_ = true;
        end = release_hold(*this, h, name, reader, end);
        sending_ = false;
        return settled(end);
    }

    release_result settled(release_result end) noexcept {
        if (end == release_result::failed) {
            // It is tried again by the next use of a lock, and not after each of the user's statements.
            has_pending_ = true;
            held_back_ = can_send();
        }
        return end;
    }

    [[gnu::noinline]] release_result settle_after(const answer& a, hold& h, std::string_view name) noexcept {
        return settle_with_care(h, name, nullptr, judge_release(a, *this, h, name));
    }

    void keep_last_words(const PGresult* r) noexcept {
        if (!is_error(r)) {
            return;
        }
        const auto field = [r](int code) {
            const char* const text = PQresultErrorField(r, code);
            return std::string(text ? text : "");
        };
        try {
            if (field(PG_DIAG_SEVERITY_NONLOCALIZED) == "FATAL") {
                last_words_ = {field(PG_DIAG_SQLSTATE), field(PG_DIAG_MESSAGE_PRIMARY)};
            }
        } catch (const std::bad_alloc&) { // the loss is told without them
        }
    }

    /// A statement of ours would wipe PQerrorMessage() before the user has read it: the release waits for the
    /// result after this one.
    [[nodiscard]] static bool is_error(const PGresult* r) noexcept {
        const auto status = PQresultStatus(r);
        return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
    }

    /// Whether the end of the reply has been taken in, so that the transaction's new status is known. After a
    /// COMMIT or ROLLBACK it is waited for, since it is on its way: the server sends both at once.
    [[nodiscard]] bool has_whole_reply(const PGresult* r) noexcept {
        const std::string_view tag = PQcmdStatus(const_cast<PGresult*>(r)); // NOLINT: it is not changed
        const bool ends = PQresultStatus(r) == PGRES_COMMAND_OK && (tag == "COMMIT" || tag == "ROLLBACK") &&
                          PQisnonblocking(conn_) == 0;
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
        while (PQisBusy(conn_) != 0) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            pollfd socket{PQsocket(conn_), POLLIN, 0};
            if (!ends || left.count() <= 0 || ::poll(&socket, 1, static_cast<int>(left.count())) <= 0 ||
                PQconsumeInput(conn_) == 0) {
                return false;
            }
        }
        return true;
    }

    explicit connection_state(PGconn* conn) : server_link(conn) {}

    [[nodiscard]] static connection_state* attached_to(PGconn* conn) noexcept {
        return static_cast<connection_state*>(PQinstanceData(conn, &pglocks_on_connection_event));
    }

    const void* owner_ = nullptr;
    farewell last_words_;
    bool has_pending_ = false;
    bool held_back_ = false; ///< the pending releases wait for the next use of a lock
    bool sending_ = false;   ///< results of our own releases must not start others
    pglocks::postgres::holds holds_;
    std::vector<std::weak_ptr<std::stop_source>> watches_;
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
