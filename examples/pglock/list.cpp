// SPDX-License-Identifier: BSL-1.0
#include "list.hpp"

#include <pglocks/inspect.hpp>

#include "connect.hpp"
#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pglock {

namespace {

using pglocks::lock_info;
using json = nlohmann::ordered_json;

constexpr const char* clear_screen = "\033[H\033[2J";

[[nodiscard]] std::string age_text(const std::optional<std::chrono::microseconds>& age) {
    return age ? duration_text(*age) : "-";
}

[[nodiscard]] const char* mode_text(const lock_info& lock) {
    return lock.mode == pglocks::lock_mode::shared ? "shared" : "exclusive";
}

[[nodiscard]] std::string client_text(const lock_info& lock) {
    return !lock.client_address ? "-" : lock.client_address->empty() ? "local" : *lock.client_address;
}

[[nodiscard]] std::string or_dash(const std::string& text) { return text.empty() ? "-" : printable(text); }

[[nodiscard]] std::string blockers_text(const lock_info& lock) {
    std::string text;
    for (const int pid : lock.blocked_by) {
        (text += text.empty() ? "" : " ") += pid == 0 ? "prepared" : std::to_string(pid);
    }
    return text.empty() ? "-" : text;
}

[[nodiscard]] std::vector<std::string> row(const lock_info& lock) {
    return {key_text(lock.key),
            mode_text(lock),
            lock.granted ? "held" : "waiting",
            age_text(lock.waiting_for()),
            lock.pid == 0 ? "prepared" : std::to_string(lock.pid),
            or_dash(lock.user),
            client_text(lock),
            age_text(lock.session_age()),
            or_dash(lock.state.value_or("")),
            blockers_text(lock),
            lock.pid == 0 ? printable('\'' + lock.prepared_transaction + '\'') : or_dash(lock.application)};
}

[[nodiscard]] std::string as_table(const std::vector<lock_info>& locks) {
    std::vector<std::vector<std::string>> rows{{"KEY", "MODE", "LOCK", "WAITS", "PID", "USER", "CLIENT",
                                                "SESSION", "STATE", "BLOCKED BY", "APPLICATION"}};
    for (const lock_info& lock : locks) {
        rows.push_back(row(lock));
    }
    return table(rows);
}

template <class T>
[[nodiscard]] json or_null(const std::optional<T>& value) {
    return value ? json(*value) : json(nullptr);
}

[[nodiscard]] json in_seconds(const std::optional<std::chrono::microseconds>& age) {
    return age ? json(std::chrono::duration<double>(*age).count()) : json(nullptr);
}

[[nodiscard]] json as_json(const lock_info& lock) {
    const json key = lock.key.is_pair() ? json::array({lock.key.first(), lock.key.second()})
                                        : json::array({lock.key.bits()});
    return {{"key", key_text(lock.key)},
            {"key_numbers", key},
            {"classid", lock.key.classid()},
            {"objid", lock.key.objid()},
            {"objsubid", lock.key.objsubid()},
            {"mode", mode_text(lock)},
            {"granted", lock.granted},
            {"waiting_seconds", in_seconds(lock.waiting_for())},
            {"pid", lock.pid == 0 ? json(nullptr) : json(lock.pid)},
            {"prepared_transaction",
             lock.prepared_transaction.empty() ? json(nullptr) : json(lock.prepared_transaction)},
            {"user", lock.user.empty() ? json(nullptr) : json(lock.user)},
            {"application", lock.application},
            {"client_address", or_null(lock.client_address)},
            {"client_port", or_null(lock.client_port)},
            {"state", or_null(lock.state)},
            {"session_seconds", in_seconds(lock.session_age())},
            {"transaction_seconds", in_seconds(lock.transaction_age())},
            {"blocked_by", lock.blocked_by}};
}

[[nodiscard]] std::string as_json(const std::vector<lock_info>& locks, bool on_one_line) {
    json all = json::array();
    for (const lock_info& lock : locks) {
        all.push_back(as_json(lock));
    }
    return all.dump(on_one_line ? -1 : 2, ' ', false, json::error_handler_t::replace) + '\n';
}

} // namespace

std::string owner_text(const lock_info& lock) {
    std::string text = lock.pid == 0 ? "the prepared transaction '" + lock.prepared_transaction + '\''
                                     : "pid " + std::to_string(lock.pid);
    if (const auto age = lock.pid == 0 ? lock.transaction_age() : lock.session_age()) {
        text += " for at most " + duration_text(*age);
    }
    if (!lock.user.empty()) {
        text += " (" + lock.user + (lock.client_address ? '@' + client_text(lock) : "");
        text += lock.application.empty() ? ")" : " \"" + lock.application + "\")";
    }
    return text;
}

void print_locks(const options& given) {
    const auto session = open_session(given);
    const bool on_terminal = given.watch && ::isatty(STDOUT_FILENO) != 0;
    for (bool again = false;; again = true) {
        const auto locks = given.key ? pglocks::inspect(*session, *given.key) : pglocks::inspect(*session);
        if (given.json) {
            std::cout << as_json(locks, given.watch.has_value());
        } else {
            std::cout << (on_terminal ? clear_screen : again ? "\n" : "");
            if (given.key) {
                std::cout << printable(lock_text(given)) << '\n';
            }
            std::cout << (given.key && locks.empty() ? "nobody holds it and nobody waits for it\n"
                                                     : as_table(locks));
        }
        if (!std::cout.flush() || !given.watch) {
            return;
        }
        std::this_thread::sleep_for(*given.watch);
    }
}

} // namespace pglock
