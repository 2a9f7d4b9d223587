// SPDX-License-Identifier: BSL-1.0
#include "torture/lock_model.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace pglocks::torture {
namespace {

bool same_owner(const hold& a, const hold& b) noexcept {
    return a.id.worker() == b.id.worker() && a.id.generation() == b.id.generation();
}

bool conflict(const hold& a, const hold& b) noexcept { return (!a.shared || !b.shared) && !same_owner(a, b); }

} // namespace

std::vector<overlap> find_overlaps(const std::vector<hold>& holds) {
    std::vector<const hold*> granted;
    for (const auto& each : holds) {
        if (each.granted()) {
            granted.push_back(&each);
        }
    }
    std::ranges::sort(granted, {},
                      [](const hold* each) { return std::pair(*each->answered, each->id.value); });

    std::vector<overlap> found;
    std::map<std::int64_t, std::vector<const hold*>> claims;
    for (const hold* const next : granted) {
        auto& present = claims[next->key];
        std::erase_if(present, [&](const hold* each) { return each->claimed_until <= *next->answered; });
        for (const hold* const each : present) {
            if (conflict(*each, *next)) {
                found.push_back({each, next, std::min(each->claimed_until, next->claimed_until)});
            }
        }
        present.push_back(next);
    }
    return found;
}

} // namespace pglocks::torture
