// SPDX-License-Identifier: BSL-1.0
#include "torture/judge.hpp"

#include "torture/causes.hpp"
#include "torture/lock_model.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace pglocks::torture {
namespace {

using std::chrono::milliseconds;

/// A holder that runs, and whose server said goodbye, knows of its loss within this time on a busy machine.
constexpr milliseconds slowest_notice(1000);

/// Faults that the holder cannot see at once: it hears nothing, or is kept from looking.
bool is_silent(fault_kind kind) noexcept {
    return kind == fault_kind::cut_network || kind == fault_kind::stop_backend ||
           kind == fault_kind::reload_pooler;
}

bool was_lost(const hold& h) noexcept {
    return h.how == ending::lost || h.how == ending::killed || h.how == ending::not_held;
}

std::string describe(const hold& h) {
    std::ostringstream text;
    text << "hold " << h.id.value << " (worker " << h.id.worker() << ", key " << h.key
         << (h.shared ? ", shared" : ", exclusive") << (h.in_transaction ? ", transaction" : ", session")
         << ", " << wait_names.at(static_cast<std::size_t>(h.wait)) << ", by "
         << route_names.at(static_cast<std::size_t>(h.route)) << ", backend " << h.backend << ", "
         << name_of(h.how) << (h.sign.empty() ? "" : " by ") << h.sign << ')';
    return text.str();
}

class court {
public:
    explicit court(evidence& all) : all_(all), causes_(all.faults, all.threads) {
        bury_the_killed();
        for (const auto& each : all_.told.holds) {
            by_id_[each.id.value] = &each;
        }
    }

    verdict decide() {
        for (const auto& each : all_.faults) {
            ++verdict_.effects[each.kind].times;
        }
        hear_history();
        hear_shared_memory();
        hear_row();
        hear_notes();
        measure();
        return std::move(verdict_);
    }

private:
    void bury_the_killed() {
        for (auto& each : all_.told.holds) {
            if (const auto* const killer = causes_.killer_of(each); each.how == ending::open && killer) {
                each.how = ending::killed;
                each.claimed_until = std::min(each.claimed_until, killer->begin);
                each.noticed = killer->begin;
            }
        }
    }

    void hear_history() {
        if (std::ranges::none_of(all_.told.holds, &hold::granted)) {
            verdict_.forbid("a run without an acquisition, which proves nothing", "");
        }
        for (const auto& each : all_.told.holds) {
            if (!each.answered && causes_.killer_of(each) == nullptr) {
                verdict_.forbid("an attempt without an answer", describe(each));
            }
            if (each.how == ending::open) {
                verdict_.forbid("a history that ends with a lock held", describe(each));
            }
            if (each.how == ending::not_held && causes_.of(each, instant::max()) == nullptr) {
                verdict_.forbid("a release that found nothing, without a cause", describe(each));
            }
        }
        for (const auto& each : find_overlaps(all_.told.holds)) {
            ++verdict_.overlaps;
            overlapping_.insert({each.first->id, each.second->id});
            decide_overlap(each);
        }
    }

    /// One of the two must have lost its lock before the other was granted it, and have been told when it
    /// could.
    void decide_overlap(const overlap& found) {
        const hold& first = *found.first;
        const hold& second = *found.second;
        const std::string both = describe(first) + " and " + describe(second);
        const hold* loser = &first;
        const auto* why = was_lost(first) ? causes_.of(first, *second.answered) : nullptr;
        if (why == nullptr && was_lost(second)) { // whose answer came late
            loser = &second;
            why = causes_.of(second, *first.answered);
        }
        if (why == nullptr) {
            return verdict_.forbid(two_owners, both);
        }
        const std::string kind(name_of(why->kind));
        if (loser->in_transaction) {
            ++verdict_.allowed[kind + ", told by its commit"];
        } else if (causes_.was_stopped(*loser, loser->asked, found.until)) {
            ++verdict_.allowed[kind + ", holder stopped"];
        } else if (is_silent(why->kind)) {
            ++verdict_.allowed[kind + ", could not be told"];
        } else if (found.until - *second.answered <= slowest_notice) {
            ++verdict_.allowed[kind + ", told after"];
        } else {
            verdict_.forbid("a holder told too late of its loss", both);
        }
    }

    void hear_shared_memory() {
        for (const auto& each : all_.conflicts) {
            const auto* const present = by_id_[each.present.value];
            const auto* const entering = by_id_[each.entering.value];
            if (present == nullptr || entering == nullptr) {
                verdict_.forbid("a claim without a history", std::to_string(each.present.value));
                continue;
            }
            if (present->claimed_until <= each.when || entering->claimed_until <= each.when) {
                if (present->how == ending::killed || entering->how == ending::killed) {
                    continue; // in the moment in which it was being killed
                }
            }
            ++verdict_.conflicts;
            if (!overlapping_.contains({each.present, each.entering}) &&
                !overlapping_.contains({each.entering, each.present})) {
                verdict_.forbid("witnesses that disagree: shared memory saw an overlap",
                                describe(*present) + " and " + describe(*entering));
            }
        }
    }

    /// Two writes that were made from the same state, and readers under whom the state changed.
    void hear_row() {
        std::set<hold_id> seen;
        for (const auto& each : all_.told.holds) {
            seen.insert(each.read.value_or(hold_id()));
            seen.insert(each.reread.value_or(hold_id()));
        }
        std::map<std::pair<std::int64_t, hold_id>, const hold*> writers;
        for (const auto& each : all_.told.holds) {
            if (each.read && each.reread && each.read != each.reread) {
                decide_row(each, by_id_[each.reread->value], "a reader under whom the row changed");
            }
            if (!each.shared && each.read && (each.wrote || seen.contains(each.id))) {
                const auto [other, fresh] = writers.try_emplace({each.key, *each.read}, &each);
                if (!fresh) {
                    decide_row(each, other->second, "a lost increment");
                }
            }
        }
    }

    void decide_row(const hold& one, const hold* other, const std::string& what) {
        ++verdict_.row_conflicts;
        const bool explained =
            other != nullptr && ((was_lost(one) && causes_.of(one, instant::max()) != nullptr) ||
                                 (was_lost(*other) && causes_.of(*other, instant::max()) != nullptr));
        const std::string both = describe(one) + " and " + (other ? describe(*other) : "?");
        if (!explained) {
            verdict_.forbid(what, both);
        } else if (one.in_transaction && other->in_transaction) {
            verdict_.forbid(what + " though both wrote within the lock's transaction", both);
        } else {
            ++verdict_.allowed[what + " after a loss"];
        }
    }

    void hear_notes() {
        for (const auto& each : all_.told.notes) {
            switch (each.what) {
            case finding::phantom:
                verdict_.forbid(phantom_lock, each.text);
                break;
            case finding::unusable:
                verdict_.forbid("a session neither usable nor dead after an error", each.text);
                break;
            case finding::release_failure:
                ++verdict_.release_failures;
                if (all_.faults.empty()) {
                    verdict_.forbid("a release that failed without a cause", each.text);
                }
                break;
            case finding::usable_at_end:
                ++verdict_.usable;
                break;
            case finding::dead_at_end:
                ++verdict_.dead;
                break;
            }
        }
    }

    void measure() {
        for (const auto& each : all_.told.holds) {
            if (!each.granted()) {
                ++verdict_.denials[each.answered ? each.denial : "killed while asking"];
            }
            if (each.bound && each.answered) {
                measure_overrun(each, *each.answered - each.asked - *each.bound);
            }
            if (each.granted() && was_lost(each)) {
                measure_loss(each);
            }
        }
        for (const auto& each : all_.releases) {
            const bool was_ended = std::ranges::any_of(all_.told.holds, [&](const hold& h) {
                return h.backend == each.backend && h.key == each.key && was_lost(h) &&
                       *h.answered <= each.until && h.claimed_until >= each.from;
            });
            if (was_ended) {
                verdict_.effects[each.kind].released.push_back(each.until - each.from);
            }
        }
    }

    void measure_overrun(const hold& h, nanoseconds beyond) {
        if (beyond > verdict_.overrun && !causes_.was_stopped(h, h.asked, *h.answered)) {
            verdict_.overrun = beyond;
            verdict_.longest_overrun = describe(h) + ' ' + h.denial;
        }
    }

    void measure_loss(const hold& h) {
        const auto* const why = causes_.of(h, h.noticed.value_or(instant::max()));
        if (why == nullptr) {
            return verdict_.forbid("a loss without a cause", describe(h));
        }
        auto& effect = verdict_.effects[why->kind];
        ++effect.losses;
        const bool by_sign = h.noticed && (h.sign == "token" || h.sign == "lost()");
        if (by_sign && !causes_.was_stopped(h, why->begin, *h.noticed)) {
            effect.told.push_back(*h.noticed - why->begin);
        }
    }

    evidence& all_;
    causes causes_;
    verdict verdict_;
    std::unordered_map<std::uint64_t, const hold*> by_id_;
    std::set<std::pair<hold_id, hold_id>> overlapping_;
};

} // namespace

void verdict::forbid(const std::string& what, const std::string& example) {
    ++forbidden[what];
    examples_.try_emplace(what, example);
}

verdict judge(evidence& all) { return court(all).decide(); }

} // namespace pglocks::torture
