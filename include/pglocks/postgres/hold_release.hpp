// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/postgres/holds.hpp>
#include <pglocks/postgres/interruptible.hpp>
#include <pglocks/postgres/result.hpp>
#include <pglocks/postgres/server_link.hpp>
#include <pglocks/release_failure.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace pglocks::postgres {

namespace detail {

/// Answers whether something was unlocked. It asks `pg_locks` first: an unlock of nothing would write a
/// warning into the server's log.
[[nodiscard]] inline std::string unlock_if_held(const hold& h) {
    const auto quoted = [](auto number) { return '\'' + std::to_string(number) + '\''; };
    const auto column = [&](const char* name, auto number) {
        return std::string(" and l.") + name + " operator(pg_catalog.=) " + quoted(number);
    };
    const auto& f = functions[function_index(operation::unlock, {.shared = h.shared}, h.key.space())];
    return "select coalesce(pg_catalog.bool_or(pg_catalog." + std::string(f.name) + '(' +
           (h.key.is_pair() ? quoted(h.key.first()) + "::integer, " + quoted(h.key.second()) + "::integer"
                            : quoted(h.key.bits()) + "::bigint") +
           ")), false) from pg_catalog.pg_locks l where l.locktype operator(pg_catalog.=) 'advisory'" +
           " and l.granted and l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()" +
           " and l.database operator(pg_catalog.=) (select d.oid from pg_catalog.pg_database d where "
           "d.datname "
           "operator(pg_catalog.=) pg_catalog.current_database())" +
           column("classid", h.key.classid()) + column("objid", h.key.objid()) +
           column("objsubid", h.key.objsubid()) + " and l.mode operator(pg_catalog.=) '" +
           (h.shared ? "ShareLock'" : "ExclusiveLock'");
}

inline void report_switched(lock_key key, std::string_view name) noexcept {
    try {
        auto error = backend_was_switched(key);
        error.add_lock(key, name);
        pglocks::detail::report_release_failure(error);
    } catch (const std::exception&) { // out of memory: there is nothing left to report with
    }
}

/// Unlocks until nothing is held.
[[nodiscard]] inline release_result drain(const server_link& link, hold& h, std::string_view name,
                                          interruptible_reader& reader) noexcept {
    constexpr int tries = 10; // a cancel may hit the clean-up itself
    try {
        const std::string statement = unlock_if_held(h);
        for (int cancelled = 0; cancelled < tries;) {
            const answer a = answer_of(reader.run(link.statement(statement).c_str(), h.key));
            if (a.switched) {
                report_switched(h.key, name);
                return release_result::lost;
            }
            if (a.yes) {
                if (h.surplus > 0) {
                    --h.surplus;
                }
                continue;
            }
            if (a.ok) {
                const bool missing = std::exchange(h.surplus, 0) > 0;
                h.uncertain = false;
                return missing ? release_result::not_held : release_result::released;
            }
            if (sqlstate_of(a.reply) == sqlstate::query_canceled && link.can_send()) {
                ++cancelled;
                continue;
            }
            throw_failure(a.reply, link.conn(), "releasing", h.key);
        }
        throw lock_error({.what = "the release was cancelled again and again, and will be tried again later",
                          .sqlstate = std::string(sqlstate::query_canceled),
                          .key = h.key});
    } catch (const connection_lost&) {
        lose(link.conn());
        return release_result::lost;
    } catch (lock_error& error) {
        try {
            error.add_lock(h.key, name);
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

/// As `drain`, with a reader if there is none.
[[nodiscard]] inline release_result drain(const server_link& link, hold& h, std::string_view name,
                                          interruptible_reader* reader) noexcept {
    if (reader) {
        return drain(link, h, name, *reader);
    }
    try {
        interruptible_reader own(link.conn(), std::max(link.patience(), server_link::default_patience));
        return drain(link, h, name, own);
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
    return end != release_result::lost && h.wants_draining() ? detail::drain(link, h, name, reader) : end;
}

} // namespace pglocks::postgres
