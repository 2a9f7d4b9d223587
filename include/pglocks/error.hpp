// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/detail/export.hpp>
#include <pglocks/key.hpp>

#include <soci/error.h>
#include <soci/version.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pglocks {

/// What is known about a failure: the parts of which its message is made.
struct failure {
    std::string what;              ///< what happened, in a few words
    std::string sqlstate{};        ///< the server's SQLSTATE, or the one that fits where pglocks refused
    std::string message{};         ///< PostgreSQL's primary message
    std::string detail{};          ///< PostgreSQL's DETAIL, for instance who waits for whom
    std::string advice{};          ///< what to do
    std::optional<lock_key> key{}; ///< the lock's key, if there is one
    std::size_t locks = 1;         ///< how many locks were asked for together; `key` is the first of them
};

/// Something went wrong with an advisory lock on the server or on the way to it.
///
/// Derived from `soci::soci_error`, so that code which handles SOCI's errors handles these. The message says
/// what happened, on which lock, what PostgreSQL said, and what to do. Misuse of a lock object is a
/// `std::system_error`, as with `std::unique_lock`.
class PGLOCKS_EXPORT lock_error : public soci::soci_error {
public:
    /// Makes the error, and its message, of what is known.
    ///
    /// \param f what is known
    /// \param name the lock's name; empty if it is not at hand
    explicit lock_error(failure f, std::string_view name = {})
        : soci::soci_error(f.message.empty() ? f.what : f.message),
          failure_(std::move(f)),
          name_(name),
          text_(compose()) {}

    /// The whole message, on one line.
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

    /// The SQLSTATE (manual, appendix A): the server's, or, where pglocks itself refused or found the
    /// connection lost, the one that fits; empty if there is none.
    [[nodiscard]] const std::string& sqlstate() const noexcept { return failure_.sqlstate; }
#if SOCI_VERSION >= 400100
    /// The same, as SOCI 4.1 asks any of its errors.
    [[nodiscard]] std::string get_sqlstate() const override { return failure_.sqlstate; }
#endif
    /// PostgreSQL's primary message.
    [[nodiscard]] const std::string& message() const noexcept { return failure_.message; }
    /// PostgreSQL's DETAIL.
    [[nodiscard]] const std::string& detail() const noexcept { return failure_.detail; }
    /// What to do about it.
    [[nodiscard]] const std::string& advice() const noexcept { return failure_.advice; }
    /// The key of the lock, if the failure is about one.
    [[nodiscard]] const std::optional<lock_key>& key() const noexcept { return failure_.key; }
    /// How many locks were asked for together, of which `key()` is the first: 1 unless it was a set.
    [[nodiscard]] std::size_t locks() const noexcept { return failure_.locks; }
    /// The name of the lock, if it was at hand: while constructing, and later if it was a `_lock` literal.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Adds which lock it is about, where whoever threw did not know it, or the first of how many.
    void add_lock(lock_key key, std::string_view name, std::size_t locks = 1) {
        if (!failure_.key) {
            failure_.key = key;
        }
        failure_.locks = locks;
        if (name_.empty()) {
            name_ = name;
        }
        text_ = compose();
    }

    /// Adds to the detail what was found out later, for instance who holds the lock.
    void add_detail(std::string_view text) {
        (failure_.detail += failure_.detail.empty() ? "" : "; ") += text;
        text_ = compose();
    }

private:
    [[nodiscard]] std::string compose() const {
        std::string text = "pglocks: " + failure_.what;
        if (failure_.locks > 1) {
            text += ", " + std::to_string(failure_.locks) + " locks, the first";
        }
        if (!name_.empty()) {
            text += ", lock \"" + name_ + '"';
        }
        if (failure_.key) {
            text += (name_.empty() ? ", lock key " : ", key ") + to_sql(*failure_.key) +
                    " (pg_locks: " + to_string(*failure_.key) + ')';
        }
        if (!failure_.message.empty()) {
            text += ": " + failure_.message;
        }
        if (!failure_.detail.empty()) {
            text += " (" + failure_.detail + ')';
        }
        if (!failure_.sqlstate.empty()) {
            text += " [SQLSTATE " + failure_.sqlstate + ']';
        }
        if (!failure_.advice.empty()) {
            text += "; " + failure_.advice;
        }
        return in_one_line(text);
    }

    /// One line for each error: PostgreSQL's and libpq's texts have line breaks and tabs, and a refused name
    /// may have a NUL byte, where `what()` would end.
    [[nodiscard]] static std::string in_one_line(std::string_view text) {
        std::string line;
        for (const char c : text) {
            if (c == '\0') {
                line += "\\0";
            } else if (c != '\n' && c != '\r' && c != '\t') {
                line += c;
            } else if (!line.ends_with(' ')) {
                line += ' ';
            }
        }
        if (line.ends_with(' ')) {
            line.pop_back();
        }
        return line;
    }

    failure failure_;
    std::string name_;
    std::string text_;
};

/// PostgreSQL ended this wait to break a deadlock (40P01).
///
/// Nothing was acquired. The other locks of this session are still held, and the survivor keeps waiting for
/// them: inside a transaction, roll it back. (A wait without a bound or a stop token has failed it already,
/// and released its transaction-scope locks.)
class PGLOCKS_EXPORT deadlock_detected : public lock_error {
public:
    using lock_error::lock_error;
};

/// The connection is gone, and every lock of its session with it.
class PGLOCKS_EXPORT connection_lost : public lock_error {
public:
    using lock_error::lock_error;

    /// For code that tells SOCI's errors apart by category.
    [[nodiscard]] error_category get_error_category() const override { return connection_error; }
};

/// The server says that the lock which was to be released was not held: somebody released it behind our back.
class PGLOCKS_EXPORT not_held : public lock_error {
public:
    using lock_error::lock_error;
};

/// The server's lock table is full (53200): see `max_locks_per_transaction`.
class PGLOCKS_EXPORT lock_table_full : public lock_error {
public:
    using lock_error::lock_error;
};

/// pglocks refused before it asked for the lock, since the lock would not have protected anything or could
/// not be had on this connection: a pooler, a standby, a look-alike, no transaction, a failed one, a busy
/// connection, a bad name; or bounds that cannot be kept.
class PGLOCKS_EXPORT refused : public lock_error {
public:
    using lock_error::lock_error;
};

} // namespace pglocks
