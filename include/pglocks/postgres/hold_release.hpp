// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/holds.hpp>
#include <pglocks/postgres/interruptible.hpp>
#include <pglocks/postgres/key_array.hpp>
#include <pglocks/postgres/result.hpp>
#include <pglocks/postgres/server_link.hpp>
#include <pglocks/release_failure.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pglocks::postgres {

namespace detail {

inline void report_switched(lock_key key, std::string_view name) noexcept {
    try {
        auto error = backend_was_switched(key);
        error.add_lock(key, name);
        pglocks::detail::report_release_failure(error);
    } catch (const std::exception&) { // out of memory: there is nothing left to report with
    }
}

/// Holds of one mode, in the order of their keys, as an array of what is asked of the server.
class asked_holds {
public:
    explicit asked_holds(const std::vector<hold*>& holds)
        : holds_(holds),
          keys_(keys_of(holds)),
          array_({keys_.data(), keys_.size()}) {}

    /// *Throws*: as the reader.
    [[nodiscard]] answer ask(const server_link& link, const set_text& statement,
                             interruptible_reader& reader) {
        return answer_of(
            reader.run(link.statement(statement).c_str(), keys_.front(), false, array_.parameters()));
    }

    /// Calls `f` with each hold that the answer numbers.
    template <class F>
    void for_each_numbered(const answer& a, const F& f) const {
        for_each_number(PQgetvalue(a.reply.get(), 0, 0), [&](std::size_t i) { f(*holds_[i]); });
    }

private:
    [[nodiscard]] static std::vector<lock_key> keys_of(const std::vector<hold*>& holds) {
        std::vector<lock_key> keys;
        keys.reserve(holds.size());
        for (const hold* h : holds) {
            keys.push_back(h->key);
        }
        return keys;
    }

    const std::vector<hold*>& holds_;
    std::vector<lock_key> keys_;
    key_array array_;
};

/// Unlocks until nothing is held. *Requires*: the holds are all of one mode, at least one, sorted by key.
[[nodiscard]] inline release_result drain(const server_link& link, std::vector<hold*> all,
                                          std::string_view name, interruptible_reader& reader) noexcept {
    constexpr int tries = 10; // a cancel may hit the clean-up itself
    const lock_key first = all.front()->key;
    auto end = release_result::released;
    try {
        for (int cancelled = 0; cancelled < tries;) {
            asked_holds asked(all);
            std::vector<hold*> left;
            left.reserve(all.size()); // so that nothing fails once it was sent
            const answer a = asked.ask(link, unlock_what_is_held(all.front()->shared), reader);
            if (a.switched) {
                report_switched(first, name);
                return release_result::lost;
            }
            if (!a.ok) {
                if (sqlstate_of(a.reply) == sqlstate::query_canceled && link.can_send()) {
                    ++cancelled;
                    continue;
                }
                throw_failure(a.reply, link.conn(), releasing, first);
            }
            asked.for_each_numbered(a, [](hold& h) { h.unlocked = true; }); // and may be held once more
            for (hold* h : all) {
                if (std::exchange(h->unlocked, false)) {
                    h->surplus -= h->surplus > 0 ? 1 : 0;
                    left.push_back(h);
                } else {
                    h->missing = std::exchange(h->surplus, 0) > 0;
                    h->uncertain = false;
                    end = h->missing ? release_result::not_held : end;
                }
            }
            if (left.empty()) {
                return end;
            }
            all = std::move(left);
        }
        throw lock_error({.what = "the release was cancelled again and again, and will be tried again later",
                          .sqlstate = std::string(sqlstate::query_canceled),
                          .key = first});
    } catch (const connection_lost&) {
        lose(link.conn());
        return release_result::lost;
    } catch (lock_error& error) {
        try {
            error.add_lock(first, name, all.size());
        } catch (const std::bad_alloc&) { // the error goes out without the name
        }
        pglocks::detail::report_release_failure(error);
    } catch (const std::exception&) { // out of memory: there is nothing left to report with
    }
    return release_result::failed;
}

/// One unlock whose answer is waited for as the reader does; an empty answer if none can be expected any
/// more.
[[nodiscard]] inline answer unlock(const server_link& link, const hold& h,
                                   interruptible_reader& reader) noexcept {
    try {
        return link.call(operation::unlock, {.shared = h.shared}, h.key, reader, false);
    } catch (const std::exception&) {
        return {};
    }
}

/// As `drain`, with a reader of its own if need be.
[[nodiscard]] inline release_result drain(const server_link& link, std::vector<hold*> all,
                                          std::string_view name, interruptible_reader* reader) noexcept {
    if (reader) {
        return drain(link, std::move(all), name, *reader);
    }
    try {
        interruptible_reader own(link.conn(), std::max(link.patience(), server_link::default_patience));
        return drain(link, std::move(all), name, own);
    } catch (const std::exception&) { // out of memory: later
        return release_result::failed;
    }
}

} // namespace detail

/// What an unlock that did not answer true has done.
[[nodiscard]] inline release_result judge_release(const answer& a, const server_link& link, hold& h,
                                                  std::string_view name) noexcept {
    if (!a.ok) {
        h.uncertain = true;
        if (is_out_of_step(a.reply)) {
            lose(link.conn());
        }
        return PQstatus(link.conn()) == CONNECTION_OK ? release_result::released : release_result::lost;
    }
    if (a.switched) {
        detail::report_switched(h.key, name);
        return release_result::lost;
    }
    return release_result::not_held;
}

/// Sends what this hold wants released. *Requires*: the connection takes statements.
///
/// After an error the server may count more holds than we do (it can report an error and have done what
/// was asked), so that the release which leaves us with none unlocks until there is nothing to unlock.
/// \param reader bounds how long the answers may take; without one, they are waited for
/// \param end how a release went that was sent before
[[nodiscard]] inline release_result release_hold(const server_link& link, hold& h, std::string_view name,
                                                 interruptible_reader* reader,
                                                 release_result end = release_result::released) noexcept {
    while (end != release_result::lost && h.surplus > 0 && !h.wants_draining()) {
        const answer a = reader ? detail::unlock(link, h, *reader)
                                : link.call(operation::unlock, {.shared = h.shared}, h.key);
        --h.surplus; // an unlock that ends in an error may have been done: it counts as done, with the
                     // doubt kept
        if (!a.yes) {
            const release_result one = judge_release(a, link, h, name);
            end = one == release_result::released ? end : one;
        }
    }
    if (end == release_result::lost || !h.wants_draining()) {
        return end;
    }
    try {
        end = detail::drain(link, {&h}, name, reader);
        h.missing = false; // the caller tells
        return end;
    } catch (const std::exception&) { // out of memory: later
        return release_result::failed;
    }
}

namespace detail {

/// \param unlocking reads the answer to the one statement, \param draining those for the holds in doubt, if
/// given
[[nodiscard]] inline release_result release_holds(const server_link& link, const std::vector<hold*>& all,
                                                  interruptible_reader& unlocking,
                                                  interruptible_reader* draining) noexcept {
    release_result end = release_result::released;
    try {
        std::vector<hold*> once; // as often as each is to be unlocked
        std::vector<hold*> doubtful;
        doubtful.reserve(all.size()); // so that nothing fails once something was sent
        for (hold* h : all) {
            once.insert(once.end(), h->wants_draining() ? 0 : h->surplus, h);
        }
        if (!once.empty()) {
            detail::asked_holds asked(once);
            const bool shared = once.front()->shared;
            answer a;
            try {
                a = asked.ask(link, unlock_all(shared), unlocking);
            } catch (const std::exception&) { // an empty answer, for none can be expected any more
            }
            for (hold* h : once) {
                h->surplus = 0; // as in release_hold()
                h->uncertain = h->uncertain || !a.ok;
            }
            if (!a.ok && is_out_of_step(a.reply)) {
                lose(link.conn());
            }
            if (a.switched) {
                detail::report_switched(once.front()->key, {});
            }
            if (a.switched || PQstatus(link.conn()) != CONNECTION_OK) {
                return release_result::lost;
            }
            if (a.ok) {
                asked.for_each_numbered(a, [&](hold& h) {
                    h.missing = true;
                    end = release_result::not_held;
                });
            }
        }
        for (hold* h : all) {
            if (h->wants_draining()) {
                doubtful.push_back(h);
            }
        }
        if (!doubtful.empty()) {
            const release_result drained = detail::drain(link, std::move(doubtful), {}, draining);
            end = drained == release_result::released ? end : drained;
        }
    } catch (const std::exception&) { // out of memory: later
        return release_result::failed;
    }
    return end;
}

} // namespace detail

/// As `release_hold`, for several holds of one mode, sorted by key: one statement, and one more for those in
/// doubt, for each hold that the server may count. Those that were not held are marked as `missing`.
[[nodiscard]] inline release_result release_holds(const server_link& link, const std::vector<hold*>& all,
                                                  interruptible_reader* reader = nullptr) noexcept {
    if (reader) {
        return detail::release_holds(link, all, *reader, reader);
    }
    try {
        interruptible_reader patient(link.conn(), std::nullopt, {}, interruptible_reader::cancelling::late,
                                     link.patience());
        return detail::release_holds(link, all, patient, nullptr);
    } catch (const std::exception&) { // out of memory: later
        return release_result::failed;
    }
}

} // namespace pglocks::postgres
