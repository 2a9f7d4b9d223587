// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/deadline.hpp>
#include <pglocks/postgres/connection.hpp>

#include <libpq-fe.h>
#include <soci/connection-pool.h>
#include <soci/soci.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <utility>

namespace pglocks::postgres {

/// Where a lock gets its session: a session of the user's, or one leased from a pool for as long as it is
/// needed.
class session_handle {
public:
    session_handle() noexcept = default;
    explicit session_handle(soci::session& session) noexcept : session_(&session) {}
    explicit session_handle(soci::connection_pool& pool) noexcept : pool_(&pool) {}

    session_handle(session_handle&& other) noexcept
        : session_(std::exchange(other.session_, nullptr)),
          pool_(std::exchange(other.pool_, nullptr)),
          position_(other.position_) {}
    session_handle& operator=(session_handle&& other) noexcept {
        session_handle(std::move(other)).swap(*this);
        return *this;
    }
    ~session_handle() { give_back(); }

    void swap(session_handle& other) noexcept {
        std::swap(session_, other.session_);
        std::swap(pool_, other.pool_);
        std::swap(position_, other.position_);
    }

    /// There is a session or a pool.
    [[nodiscard]] bool valid() const noexcept { return session_ || pool_; }
    /// The session, `nullptr` while none is leased.
    [[nodiscard]] soci::session* get() const noexcept { return session_; }

    /// Makes sure that there is a session: leases one from the pool if need be, waiting until the deadline or
    /// a stop.
    ///
    /// *Requires*: `valid()`.
    [[nodiscard]] outcome obtain(const deadline& until, const std::stop_token& stop) {
        return session_ ? outcome::acquired : lease(until, stop);
    }

    /// Gives a leased session back clean: no open transaction, no pending release. A session of the user's is
    /// kept.
    void give_back() noexcept {
        if (pool_ && session_) {
            return_to_pool();
        }
    }

private:
    [[nodiscard, gnu::noinline]] outcome lease(const deadline& until, const std::stop_token& stop) {
        // soci::connection_pool cannot be woken, and waits on the wall clock: a stop, and a deadline on a
        // clock that was set back, are noticed between two waits.
        constexpr int slice = 50;
        while (!session_) {
            if (stop.stop_requested()) {
                return outcome::stopped;
            }
            int timeout = until ? pglocks::detail::milliseconds_until(*until) : -1;
            if ((until || stop.stop_possible()) && (timeout < 0 || timeout > slice)) {
                timeout = slice;
            }
            std::size_t position = 0;
            if (pool_->try_lease(position, timeout)) {
                position_ = static_cast<std::uint32_t>(position);
                session_ = &pool_->at(position);
            } else if (pglocks::detail::has_expired(until)) {
                return outcome::expired;
            }
        }
        return outcome::acquired;
    }

    [[gnu::noinline]] void return_to_pool() noexcept {
        try {
            if (session_->get_backend()) {
                const auto status = PQtransactionStatus(libpq_connection(*session_));
                if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
                    session_->rollback();
                }
                if (!release_pending(*session_)) {
                    break_session();
                }
            }
        } catch (const std::exception&) { // whoever leases it next must find out that it is broken
            break_session();
        }
        session_ = nullptr;
        pool_->give_back(position_);
    }

    void break_session() noexcept {
        try {
            lose(libpq_connection(*session_));
        } catch (const std::exception&) { // it is not even connected
        }
    }

    soci::session* session_ = nullptr;
    soci::connection_pool* pool_ = nullptr;
    std::uint32_t position_ = 0;
};

} // namespace pglocks::postgres
