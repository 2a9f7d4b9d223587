// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/fault_record.hpp"
#include "torture/history.hpp"
#include "torture/shared_claims.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace pglocks::torture {

/// The forbidden things that controls have to lead to.
inline constexpr const char* two_owners = "two owners of one lock";
inline constexpr const char* phantom_lock = "a lock held by nobody, after an answer that denied it";
inline constexpr const char* lock_left_behind = "a lock left behind";

/// What the witnesses have to say.
struct evidence {
    history told;
    std::vector<conflict> conflicts; ///< of the shared memory
    std::vector<fault_record> faults;
    std::vector<release_sample> releases;
    unsigned threads = 1;   ///< of each process
    unsigned postponed = 0; ///< injections for which there was no victim, or no server, at the moment
};

/// What one kind of fault did.
struct fault_effect {
    unsigned times = 0;
    unsigned losses = 0;               ///< holds that ended by it
    std::vector<nanoseconds> told;     ///< from the fault to the holder's knowing, by lost() or a token
    std::vector<nanoseconds> released; ///< from the fault to the lock being free for others
};

/// The judgement on a run.
struct verdict {
    std::map<std::string, unsigned> forbidden; ///< what must not happen, with an example in the text
    std::map<std::string, unsigned> allowed;   ///< overlaps that the documented guarantee allows, by reason
    std::map<fault_kind, fault_effect> effects;
    std::map<std::string, unsigned> denials;
    unsigned overlaps = 0;         ///< by the recorded history
    unsigned conflicts = 0;        ///< by the shared memory
    unsigned row_conflicts = 0;    ///< by the row: lost increments, and readers who saw a change
    unsigned release_failures = 0; ///< told to the handler
    unsigned usable = 0;           ///< sessions that answered at the end
    unsigned dead = 0;             ///< sessions known to be dead at the end
    std::string longest_overrun;   ///< whose it was
    nanoseconds overrun{0}; ///< of bounded waits, the worst; without the time in which they were stopped

    void forbid(const std::string& what, const std::string& example);
    /// Leaves one example of each.
    [[nodiscard]] const std::map<std::string, std::string>& examples() const noexcept { return examples_; }

private:
    std::map<std::string, std::string> examples_;
};

/// Compares the witnesses with each other and with the faults.
[[nodiscard]] verdict judge(evidence& all);

} // namespace pglocks::torture
