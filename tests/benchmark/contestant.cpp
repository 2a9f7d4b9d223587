// SPDX-License-Identifier: BSL-1.0
#include "benchmark/contestant.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace pglocks::benchmark {
namespace {

std::vector<contestant>& entries() {
    static std::vector<contestant> all;
    return all;
}

} // namespace

std::string_view name_of(task what) noexcept {
    switch (what) {
    case task::alone:
        return "alone";
    case task::distinct:
        return "distinct";
    case task::hot:
        return "hot";
    case task::hand_off:
        return "hand-off";
    case task::transaction:
        return "transaction";
    case task::set:
        return "set";
    case task::empty:
        return "empty";
    }
    return "?";
}

void enter(contestant one) { entries().push_back(std::move(one)); }

std::vector<contestant> contestants() {
    auto all = entries();
    std::ranges::sort(all, {}, &contestant::name);
    return all;
}

contestant find_contestant(std::string_view name) {
    const auto at = std::ranges::find(entries(), name, &contestant::name);
    if (at == entries().end()) {
        throw std::invalid_argument("no contestant is called '" + std::string(name) + "': see --list");
    }
    return *at;
}

} // namespace pglocks::benchmark
