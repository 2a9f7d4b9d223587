// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/hold.hpp"
#include "torture/options.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace pglocks::torture {

/// A claim that found another one in its way.
struct conflict {
    std::int64_t key = 0;
    hold_id present;
    hold_id entering;
    instant when;
};

/// The first witness: memory that all worker processes share, where each holder of a lock enters its claim
/// and then looks for others. Of two holders at the same time at least one sees the other, since stores and
/// loads are sequentially consistent.
///
/// A claim names its owner, thread and process with their generation, so that what a killed process left
/// behind is known for what it is. The memory also carries what workers must know: the options, and when to
/// stop.
class shared_claims {
public:
    /// Makes the file. *Throws*: std::system_error.
    shared_claims(const std::filesystem::path& file, const options& chosen);
    /// Opens the file that another process has made. *Throws*: std::system_error.
    explicit shared_claims(const std::filesystem::path& file);

    void enter(hold_id id, std::int64_t key, bool shared) noexcept;
    void leave(hold_id id, std::int64_t key) noexcept;

    /// To be called before a process is killed: from now on its claims are nobody's.
    void bury(unsigned process, unsigned generation) noexcept;

    /// When the holder of the hot key means to release it; for waits that are to end at that moment.
    [[nodiscard]] instant planned_release() const noexcept;
    void plan_release(instant when) noexcept;

    void request_stop() noexcept { memory_->stopping.store(true); }
    [[nodiscard]] bool stop_requested() const noexcept { return memory_->stopping.load(); }

    [[nodiscard]] std::vector<conflict> conflicts() const;
    /// Of these, how many were too many to be kept.
    [[nodiscard]] std::uint32_t unrecorded_conflicts() const noexcept;

    [[nodiscard]] unsigned threads() const noexcept { return memory_->threads; }
    [[nodiscard]] unsigned keys() const noexcept { return memory_->keys; }
    [[nodiscard]] std::uint64_t seed() const noexcept { return memory_->seed; }
    [[nodiscard]] torture::control control() const noexcept { return memory_->control; }
    [[nodiscard]] bool races_timeouts() const noexcept { return memory_->races_timeouts; }

private:
    static constexpr std::uint32_t max_conflicts = 4096;
    static constexpr unsigned max_workers = max_processes * max_threads;

    struct layout {
        unsigned processes;
        unsigned threads;
        unsigned keys;
        std::uint64_t seed;
        torture::control control;
        bool races_timeouts;
        std::atomic<bool> stopping;
        std::atomic<std::int64_t> planned_release;
        std::array<std::atomic<unsigned>, max_processes> buried; ///< the last generation that was killed
        std::array<std::array<std::atomic<std::uint64_t>, max_workers>, max_keys> claims;
        std::atomic<std::uint32_t> conflict_count;
        std::array<conflict, max_conflicts> conflicts;
    };
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "processes share the memory");

    struct unmap {
        void operator()(layout* memory) const noexcept;
    };

    static layout* map(const std::filesystem::path& file, int flags);
    [[nodiscard]] bool is_alive(hold_id id) const noexcept;

    std::unique_ptr<layout, unmap> memory_;
};

} // namespace pglocks::torture
