// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/fault_record.hpp"

#include <vector>

namespace pglocks::torture {

/// Says which fault can have done what to whom.
class causes {
public:
    /// \param threads of each worker process
    causes(const std::vector<fault_record>& faults, unsigned threads) noexcept
        : faults_(faults),
          threads_(threads) {}

    /// The fault that can have ended the connection of a hold: the last one that began before, and that was
    /// not kept from its client by a cut network. The server may have granted the lock at any time since it
    /// was asked, and the answer have come late.
    [[nodiscard]] const fault_record* of(const hold& h, instant before) const;

    /// The fault that killed the process of a hold, in that life of it.
    [[nodiscard]] const fault_record* killer_of(const hold& h) const;

    /// Whether the process of a hold was stopped at some time between these.
    [[nodiscard]] bool was_stopped(const hold& h, instant from, instant until) const;

private:
    [[nodiscard]] unsigned process_of(const hold& h) const noexcept { return h.id.worker() / threads_; }
    [[nodiscard]] bool hits(const fault_record& fault, const hold& h) const;

    const std::vector<fault_record>& faults_;
    unsigned threads_;
};

} // namespace pglocks::torture
