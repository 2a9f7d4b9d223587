// SPDX-License-Identifier: BSL-1.0
#include "torture/report.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>

namespace pglocks::torture {
namespace {

constexpr int name_width = 18;

std::string in_milliseconds(nanoseconds duration) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(duration < std::chrono::milliseconds(10) ? 1 : 0)
         << std::chrono::duration<double, std::milli>(duration).count();
    return text.str();
}

std::string median_and_worst(std::vector<nanoseconds> samples) {
    if (samples.empty()) {
        return "-";
    }
    std::ranges::sort(samples);
    return in_milliseconds(samples[samples.size() / 2]) + " / " + in_milliseconds(samples.back()) + " (" +
           std::to_string(samples.size()) + ')';
}

/// Counts of what, after a heading, in lines of the width of a screen.
void print_counts(std::ostream& out, const std::string& heading,
                  const std::map<std::string, unsigned>& counts) {
    constexpr std::size_t width = 110;
    std::string line = heading + (counts.empty() ? " none" : "");
    for (const auto& [what, count] : counts) {
        const auto item = std::to_string(count) + ' ' + what;
        if (line.size() + item.size() > width) {
            out << line << '\n';
            line = "   ";
        }
        line += ' ' + item + ';';
    }
    out << line << '\n';
}

void print_acquisitions(std::ostream& out, const evidence& all) {
    std::array<std::array<unsigned, 4>, wait_names.size()> table{};
    std::array<unsigned, route_names.size()> by_route{};
    unsigned total = 0;
    for (const auto& each : all.told.holds) {
        if (each.granted()) {
            ++table.at(static_cast<std::size_t>(each.wait))
                  .at((each.in_transaction ? 2U : 0U) + (each.shared ? 1U : 0U));
            ++by_route.at(static_cast<std::size_t>(each.route));
            ++total;
        }
    }
    out << std::left << std::setw(name_width) << "acquired" << std::right << std::setw(14) << "session excl."
        << std::setw(14) << "shared" << std::setw(14) << "transaction" << std::setw(14) << "shared" << '\n';
    for (std::size_t wait = 0; wait < wait_names.size(); ++wait) {
        out << "  " << std::left << std::setw(name_width - 2) << wait_names.at(wait) << std::right;
        for (const auto count : table.at(wait)) {
            out << std::setw(14) << count;
        }
        out << '\n';
    }
    out << total << " acquisitions of " << all.told.holds.size() << " attempts; by";
    for (std::size_t i = 0; i < by_route.size(); ++i) {
        out << ' ' << route_names.at(i) << ' ' << by_route.at(i);
    }
    out << '\n';
}

void print_faults(std::ostream& out, const options& chosen, const evidence& all, const verdict& found,
                  const std::map<fault_kind, std::string>& manners) {
    if (chosen.faults.empty()) {
        return;
    }
    out << std::left << std::setw(name_width) << "fault" << std::right << std::setw(6) << "times"
        << std::setw(8) << "losses" << std::setw(24) << "told after ms" << std::setw(24) << "free after ms"
        << '\n';
    for (const auto kind : chosen.faults) {
        const auto effect = found.effects.contains(kind) ? found.effects.at(kind) : fault_effect{};
        auto times = effect.times;
        if (kind == fault_kind::race_timeouts) {
            times = static_cast<unsigned>(
                std::ranges::count_if(all.told.holds, [](const hold& h) { return h.raced; }));
        }
        out << "  " << std::left << std::setw(name_width - 2) << name_of(kind) << std::right << std::setw(6)
            << times << std::setw(8) << effect.losses << std::setw(24) << median_and_worst(effect.told)
            << std::setw(24) << median_and_worst(effect.released) << '\n';
    }
    out << "  (median / worst, samples; told: lost() or the watcher's token; free: gone from pg_locks)\n";
    if (all.postponed > 0) {
        out << "  " << all.postponed
            << " times there was no victim, or no server, and the fault came later\n";
    }
    for (const auto& [kind, manner] : manners) {
        out << "  " << name_of(kind) << ": " << manner << '\n';
    }
}

} // namespace

void print_report(std::ostream& out, const options& chosen, const evidence& all, const verdict& found,
                  const std::map<fault_kind, std::string>& manners) {
    print_acquisitions(out, all);
    print_counts(out, "denied:", found.denials);
    print_faults(out, chosen, all, found, manners);
    out << "overlaps seen by: history " << found.overlaps << ", shared memory " << found.conflicts << ", row "
        << found.row_conflicts << '\n';
    print_counts(out, "  allowed:", found.allowed);
    out << "sessions at the end: usable " << found.usable << ", known dead " << found.dead
        << "; releases that failed and were told: " << found.release_failures << "\nbounded waits: at most "
        << in_milliseconds(found.overrun) << " ms beyond the bound: " << found.longest_overrun << '\n';
    print_counts(out, "forbidden:", found.forbidden);
    for (const auto& [what, example] : found.examples()) {
        out << "  " << what << ", e.g. " << example << '\n';
    }
}

} // namespace pglocks::torture
