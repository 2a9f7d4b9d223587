// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/inspect/lock_info.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <ratio>
#include <span>
#include <string>
#include <string_view>

namespace pglocks {

namespace detail {

/// The two largest units: `8.4 s`, `5 min 12 s`, `3 h 12 min`, `2 d 3 h`.
[[nodiscard]] inline std::string print_age(std::chrono::microseconds age) {
    using namespace std::chrono;
    age = std::max(age, microseconds(0)); // the server's clock was set back
    if (age < minutes(1)) {
        const auto tenths = duration_cast<duration<long long, std::deci>>(age).count();
        return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
    }
    const auto s = duration_cast<seconds>(age).count();
    const auto both = [](auto large, std::string_view unit, auto small, std::string_view subunit) {
        return ((std::to_string(large) + ' ').append(unit) + ' ' + std::to_string(small) + ' ')
            .append(subunit);
    };
    if (age < hours(1)) {
        return both(s / 60, "min", s % 60, "s");
    }
    return age < hours(24) ? both(s / 3600, "h", s / 60 % 60, "min")
                           : both(s / 86400, "d", s / 3600 % 24, "h");
}

} // namespace detail

/// Whose lock it is, for people: `pid 4711 (user app, application "worker", client 10.0.0.7, session for 3 h
/// 12 min, idle in transaction for 8.4 s)`. What is unknown is left out.
[[nodiscard]] inline std::string describe_owner(const lock_info& info) {
    std::string text = info.pid != 0 ? "pid " + std::to_string(info.pid)
                                     : "the prepared transaction '" + info.prepared_transaction + '\'';
    std::string more;
    const auto add = [&more](std::string_view what, std::string_view value) {
        ((more += more.empty() ? "" : ", ") += what) += value;
    };
    const auto add_age = [&add](std::string_view what, std::optional<std::chrono::microseconds> age) {
        if (age) {
            add(what, " for " + detail::print_age(*age));
        }
    };
    if (!info.user.empty()) {
        add("user ", info.user);
    }
    if (!info.application.empty()) {
        add("application ", '"' + info.application + '"');
    }
    if (info.client_address) {
        add("client ", info.client_address->empty() ? "on a Unix socket" : *info.client_address);
    }
    add_age("session", info.session_age());
    if (info.pid == 0) {
        add_age("prepared", info.transaction_age());
    } else if (info.state) {
        add_age(*info.state, info.state_age());
    }
    return more.empty() ? text : text + " (" + more + ')';
}

/// One lock for people: `exclusive, held by pid 4711 (...)`, or `shared, waited for by pid 4712 (...) for 8.4
/// s, blocked by 4711`. The key is not in it: `to_sql(info.key)`, or its name of a `name_registry`.
[[nodiscard]] inline std::string describe(const lock_info& info) {
    std::string text = info.mode == lock_mode::shared ? "shared" : "exclusive";
    text += info.granted ? ", held by " : ", waited for by ";
    text += describe_owner(info);
    if (const auto age = info.waiting_for()) {
        text += " for " + detail::print_age(*age);
    }
    for (std::size_t i = 0; i < info.blocked_by.size(); ++i) {
        text += i == 0 ? ", blocked by " : " and ";
        text += info.blocked_by[i] == 0 ? "a prepared transaction" : std::to_string(info.blocked_by[i]);
    }
    return text;
}

/// Several locks in one line, separated by semicolons; after the first five, how many more there are.
[[nodiscard]] inline std::string describe(std::span<const lock_info> infos) {
    constexpr std::size_t most = 5;
    std::string text;
    for (const lock_info& info : infos.first(std::min(infos.size(), most))) {
        (text += text.empty() ? "" : "; ") += describe(info);
    }
    if (infos.size() > most) {
        text += "; and " + std::to_string(infos.size() - most) + " more";
    }
    return text;
}

} // namespace pglocks
