// SPDX-License-Identifier: BSL-1.0
#include "torture/causes.hpp"

#include <algorithm>
#include <chrono>

namespace pglocks::torture {
namespace {

using std::chrono::milliseconds;

/// What a fault that ended may still do, since connections that it has hit are found out a little later.
constexpr milliseconds aftermath(500);
/// A process that goes on has its turn on a busy machine a little later.
constexpr milliseconds awakening(100);

/// Whether the fault may still tell on a lock that was asked for then.
bool reaches(const fault_record& fault, instant asked) noexcept { return asked <= fault.end + aftermath; }

bool ends_connections(fault_kind kind) noexcept {
    return kind != fault_kind::cancel_backend && kind != fault_kind::stop_client &&
           kind != fault_kind::race_timeouts;
}

} // namespace

const fault_record* causes::of(const hold& h, instant before) const {
    const fault_record* last = nullptr;
    for (const auto& each : faults_) {
        const bool unheard = last != nullptr && last->kind == fault_kind::cut_network &&
                             each.begin < last->end && each.kind != fault_kind::kill_client;
        if (ends_connections(each.kind) && each.begin <= before && reaches(each, h.asked) && hits(each, h) &&
            !unheard) {
            last = &each;
        }
    }
    return last;
}

const fault_record* causes::killer_of(const hold& h) const {
    const auto found = std::ranges::find_if(faults_, [&](const fault_record& each) {
        return each.kind == fault_kind::kill_client && each.process == process_of(h) &&
               each.generation == h.id.generation();
    });
    return found == faults_.end() ? nullptr : &*found;
}

bool causes::was_stopped(const hold& h, instant from, instant until) const {
    return std::ranges::any_of(faults_, [&](const fault_record& each) {
        return each.kind == fault_kind::stop_client && each.process == process_of(h) && each.begin <= until &&
               each.end + awakening >= from;
    });
}

bool causes::hits(const fault_record& fault, const hold& h) const {
    return fault.everyone || fault.through == h.route ||
           std::ranges::find(fault.backends, h.backend) != fault.backends.end() || killer_of(h) == &fault;
}

} // namespace pglocks::torture
