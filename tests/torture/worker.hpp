// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/transaction.hpp>

#include "torture/counter_row.hpp"
#include "torture/history.hpp"
#include "torture/loss_signs.hpp"
#include "torture/shared_claims.hpp"
#include "torture/worker_session.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string_view>
#include <thread>

namespace pglocks::torture {

/// What all workers of one process share.
struct worker_process {
    shared_claims& claims;
    const directions& to;
    loss_watcher& watcher;
    std::filesystem::path directory; ///< where histories are written
    unsigned number;
    unsigned generation;
    std::stop_token stop;
};

/// One thread that takes locks, and tells the three witnesses about it.
class worker {
public:
    worker(const worker_process& process, unsigned thread);

    /// Takes locks until the process is to stop; the session stays open, to be looked at.
    void run();

    /// What went wrong in a release with nobody to throw to: noted in the history of the calling thread.
    static void note_release_failure(std::string_view what, bool is_loss) noexcept;

private:
    static inline thread_local unsigned losses_at_release = 0; ///< told to the handler in this thread

    void take_turns();
    void take_a_turn();

    /// Takes one lock with pglocks, holds it, and releases it.
    void take_lock(const hold& wanted);
    /// The same with one of the known mistakes.
    void take_naively(const hold& wanted);

    template <class Mode>
    void take_with_mode(const hold& wanted);
    template <class Mode, class Wait>
    void take_with_policies(const hold& wanted);
    template <class Lock>
    void take_session_lock(const hold& wanted);
    template <class Lock>
    void take_transaction_lock(const hold& wanted);
    template <class Lock>
    [[nodiscard]] std::unique_ptr<Lock> lock_within(transaction& within, const hold& wanted);
    template <class Lock>
    [[nodiscard]] bool acquire(Lock& lock, const hold& wanted);
    template <class Lock>
    [[nodiscard]] std::optional<loss_sign> hold_session_lock(const Lock& lock, const hold& held);
    template <class Lock>
    void release(Lock& lock, const hold& held);
    template <class Lock>
    ending release_somehow(Lock& lock);
    void hold_in_transaction(soci::transaction& within, const hold& held);

    /// Does what only a holder may: enters the claim, reads the row, waits, and writes or reads it again.
    /// \param pause waits for as long as it is told, and answers a sign of a loss if one comes
    template <class Pause>
    [[nodiscard]] std::optional<loss_sign> do_protected_work(soci::session& session, const hold& held,
                                                             const Pause& pause);

    [[nodiscard]] hold choose();
    void choose_bound(hold& wanted);
    [[nodiscard]] nanoseconds choose_work(const hold& held);
    [[nodiscard]] bool chance(int percent);
    [[nodiscard]] std::int64_t draw(std::int64_t least, std::int64_t most);

    void denied(const hold& wanted, std::string_view why);
    /// Looks whether the session holds a lock, though it was granted none.
    void look_for_phantoms(const hold& wanted);
    /// After an error: finds out whether the session is usable or dead, and forgets a dead one.
    void settle(hold_id after);
    /// After pglocks has told of a loss: forgets the session, as the error advises. Its connection may stand,
    /// where a pooler has switched the backend.
    void reconnect() noexcept { session_.drop(); }
    [[nodiscard]] bool answers(hold_id after);

    worker_process process_;
    unsigned number_; ///< among all threads of all processes
    route route_;
    std::mt19937_64 random_;
    history_writer history_;
    worker_session session_; ///< the locks are taken on this one
    worker_session rows_;    ///< no fault is aimed at this one
    std::uint32_t last_hold_ = 0;
};

template <class Pause>
std::optional<loss_sign> worker::do_protected_work(soci::session& session, const hold& held,
                                                   const Pause& pause) {
    const auto duration = choose_work(held);
    process_.claims.enter(held.id, held.key, held.shared);
    std::optional<loss_sign> sign;
    try {
        counter_row row(held.key);
        history_.read(held.id, row.read(session));
        if (held.key == 0 && !held.shared) {
            process_.claims.plan_release(std::chrono::steady_clock::now() + duration);
        }
        sign = pause(duration);
        if (!sign && held.shared) {
            history_.reread(held.id, row.read(session));
        } else if (!sign) {
            row.write(session, held.id);
            if (!held.in_transaction) {
                history_.wrote(held.id);
            }
        }
    } catch (...) {
        process_.claims.leave(held.id, held.key);
        throw;
    }
    process_.claims.leave(held.id, held.key);
    return sign;
}

} // namespace pglocks::torture
