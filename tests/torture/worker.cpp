// SPDX-License-Identifier: BSL-1.0
#include "torture/worker.hpp"

#include "torture/options.hpp"

#include <algorithm>
#include <thread>

namespace pglocks::torture {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Whose release it is that may fail now.
thread_local history_writer* current_history = nullptr;
thread_local hold_id current_hold;

route choose_route(const worker_process& process, unsigned thread) {
    switch (process.claims.control()) {
    case control::unchecked_pooler:
        return route::pooler;
    case control::none:
        break;
    default:
        return route::socket;
    }
    const auto wanted = static_cast<route>((process.number + thread) % route_names.size());
    return process.to.has(wanted) ? wanted : route::socket;
}

std::string application(unsigned number, route by, std::string_view purpose) {
    return "torture/" + std::string(route_names.at(static_cast<std::size_t>(by))) + '/' +
           std::string(purpose) + '/' + std::to_string(number);
}

} // namespace

worker::worker(const worker_process& process, unsigned thread)
    : process_(process),
      number_(process.number * process.claims.threads() + thread),
      route_(choose_route(process, thread)),
      random_(process.claims.seed() + number_ * 1000003ULL + process.generation * 7919ULL),
      history_(process.directory, number_, process.generation),
      session_(process.to, route_, application(number_, route_, "lock"),
               process.claims.control() == control::none),
      rows_(process.to, route::socket, application(number_, route_, "row"), false) {}

void worker::note_release_failure(std::string_view what, bool is_loss) noexcept {
    losses_at_release += is_loss ? 1 : 0;
    if (current_history != nullptr) {
        current_history->add(finding::release_failure, current_hold, what);
    }
}

bool worker::chance(int percent) { return draw(1, 100) <= percent; }

std::int64_t worker::draw(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
}

void worker::run() {
    current_history = &history_;
    enter_network(process_.to, route_);
    take_turns();
    if (!session_.is_open()) {
        history_.add(finding::dead_at_end, {});
    } else if (answers({})) {
        history_.add(finding::usable_at_end, {});
    } else {
        history_.add(finding::dead_at_end, {});
        session_.drop();
    }
    rows_.drop();
}

void worker::take_turns() {
    while (!process_.stop.stop_requested()) {
        try {
            session_.open();
            rows_.open();
        } catch (const soci::soci_error&) { // no server, or no network: later
            std::this_thread::sleep_for(milliseconds(20));
            continue;
        }
        take_a_turn();
        std::this_thread::sleep_for(microseconds(draw(0, 2000)));
    }
}

hold worker::choose() {
    hold wanted{.id = hold_id(number_, process_.generation, ++last_hold_)};
    wanted.key = chance(40) ? 0 : draw(0, process_.claims.keys() - 1);
    wanted.shared = chance(40);
    wanted.in_transaction = chance(35);
    wanted.wait = static_cast<wait_kind>(draw(0, 3));
    wanted.route = route_;
    if (wanted.wait == wait_kind::timeout || (wanted.wait == wait_kind::poll && chance(70))) {
        choose_bound(wanted);
    }
    if (process_.claims.control() != control::none) { // the mistakes are about exclusive locks of sessions
        wanted.shared = false;
        wanted.in_transaction = false;
    }
    return wanted;
}

void worker::choose_bound(hold& wanted) {
    const auto left = process_.claims.planned_release() - std::chrono::steady_clock::now();
    wanted.raced = process_.claims.races_timeouts() && wanted.key == 0 && left > milliseconds(1);
    wanted.bound = wanted.raced ? left + microseconds(draw(-1000, 1500)) : milliseconds(draw(1, 150));
}

/// Mostly short; sometimes so long that a fault comes meanwhile, but seldom under the hot key.
nanoseconds worker::choose_work(const hold& held) {
    if (held.route == route::network && held.key != 0 &&
        chance(15)) { // or a cut would not be found out before
        return milliseconds(draw(500, 3500));
    }
    const auto kind = draw(1, 100);
    if (kind <= (held.key == 0 ? 75 : 60)) {
        return microseconds(draw(0, 4000));
    }
    return microseconds(kind <= (held.key == 0 ? 95 : 80) ? draw(4000, 40000) : draw(100000, 600000));
}

void worker::denied(const hold& wanted, std::string_view why) {
    history_.denied(wanted.id, why);
    if (why == "expired" || chance(5)) {
        look_for_phantoms(wanted);
    }
}

void worker::look_for_phantoms(const hold& wanted) {
    try {
        int held = 0;
        rows_.open() << "select count(*) from pg_locks where locktype = 'advisory' and granted and pid = " +
                            std::to_string(session_.backend()),
            soci::into(held);
        if (held > 0 && !session_.is_dead()) {
            history_.add(finding::phantom, wanted.id, std::to_string(session_.backend()));
        }
    } catch (const soci::soci_error&) {
        rows_.drop();
    }
}

bool worker::answers(hold_id after) {
    for (;;) {
        try {
            int one = 0;
            session_.open() << "select 1", soci::into(one);
            return true;
        } catch (const soci::soci_error& error) {
            if (sqlstate_of(error) == "57014") {
                continue; // a fault that was meant for the statement before
            }
            if (!session_.is_dead()) {
                history_.add(finding::unusable, after, error.what());
            }
            return false;
        }
    }
}

void worker::settle(hold_id after) {
    if (session_.is_dead() || !answers(after)) {
        session_.drop();
    }
}

void worker::take_a_turn() {
    const hold wanted = choose();
    current_hold = wanted.id;
    try {
        if (process_.claims.control() == control::none) {
            take_lock(wanted);
        } else {
            take_naively(wanted);
        }
    } catch (const soci::soci_error&) { // the session ended between two statements
        session_.drop();
    }
}

} // namespace pglocks::torture
